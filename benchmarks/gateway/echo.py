"""What the gateway is compared with: a bare FastAPI POST echo, alone and with one grpc.aio hop behind it.

python -m benchmarks.gateway.echo PORT SIZE            answers SIZE bytes
python -m benchmarks.gateway.echo PORT SIZE SOCKET     the same, out of a call to the hop at SOCKET
python -m benchmarks.gateway.echo hop SIZE SOCKET      the hop
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from mcai.knowledge.v1 import knowledge_pb2, knowledge_pb2_grpc


class Question(BaseModel):
    """The body of a question, as any FastAPI application would declare it."""

    message: str


def echo_app(body: bytes, hop: str | None) -> FastAPI:
    """Returns the application; with a `hop` the body comes from there."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with grpc.aio.insecure_channel(hop or "unix:/nowhere") as channel:  # noqa: TID251 - it is no service
            app.state.stub = knowledge_pb2_grpc.KnowledgeServiceStub(channel)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/chat")
    async def echo(_question: Question) -> Response:
        return Response(body, media_type="application/json")

    @app.post("/hop")
    async def over_a_hop(question: Question, request: Request) -> Response:
        key = knowledge_pb2.CacheKey(question=question.message)
        found = await request.app.state.stub.BatchLookup(knowledge_pb2.BatchLookupRequest(keys=[key]))
        return Response(found.results[0].entry.value, media_type="application/json")

    return app


def _hop(body: bytes) -> grpc.GenericRpcHandler:
    """Answers every BatchLookup with the same entry."""
    entry = knowledge_pb2.CacheEntry(value=body)
    response = knowledge_pb2.BatchLookupResponse(results=[knowledge_pb2.LookupResult(entry=entry)])

    async def batch_lookup(_request: Any, _context: Any) -> knowledge_pb2.BatchLookupResponse:
        return response

    method = grpc.unary_unary_rpc_method_handler(
        batch_lookup,
        request_deserializer=knowledge_pb2.BatchLookupRequest.FromString,
        response_serializer=knowledge_pb2.BatchLookupResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler("mcai.knowledge.v1.KnowledgeService", {"BatchLookup": method})


async def _serve_hop(body: bytes, socket: str) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_hop(body),))
    server.add_insecure_port(socket)
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Serves until it is ended."""
    what, size, *socket = sys.argv[1:]
    body = b'{"response": "' + b"x" * (int(size) - 16) + b'"}'
    if what == "hop":
        asyncio.run(_serve_hop(body, socket[0]))
    else:
        app = echo_app(body, socket[0] if socket else None)
        uvicorn.run(app, host="127.0.0.1", port=int(what), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
