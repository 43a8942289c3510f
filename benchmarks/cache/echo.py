"""What a cached answer is compared with: gRPC alone, which parses a request and says the same bytes again.

python -m benchmarks.cache.echo ADDRESS FILE      FILE holds a serialised BatchLookupResponse
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc

from mcai.knowledge.v1 import knowledge_pb2 as pb


def _handler(response: pb.BatchLookupResponse) -> grpc.GenericRpcHandler:
    async def batch_lookup(_request: Any, _context: Any) -> pb.BatchLookupResponse:
        return response

    method = grpc.unary_unary_rpc_method_handler(
        batch_lookup,
        request_deserializer=pb.BatchLookupRequest.FromString,
        response_serializer=pb.BatchLookupResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler("mcai.knowledge.v1.KnowledgeService", {"BatchLookup": method})


async def _serve(address: str, response: pb.BatchLookupResponse) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handler(response),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Serves until it is ended."""
    address, file = sys.argv[1:]
    asyncio.run(_serve(address, pb.BatchLookupResponse.FromString(Path(file).read_bytes())))


if __name__ == "__main__":
    main()
