"""All that is kept of one person: exported, and forgotten."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.responses import StreamingResponse

from gateway import answers, bodies
from gateway.dependencies import ID_PATTERN, Dependencies, Deps, Who
from gateway.openapi import told
from gateway.schemas.conversations import ForgottenUser
from mcai.dataset.v1 import conversation_pb2
from servicekit.errors import InvalidArgument

router = APIRouter(prefix="/api/users", tags=["conversations"])

NamedInPath = Annotated[str, Path(pattern=ID_PATTERN, max_length=128, description="Whose data.")]


@router.get("/{user_id}:export", **told("users export", {200: bodies.NDJSON}))
async def export_user(user_id: NamedInPath, deps: Deps, who: Who) -> Response:
    """Exports all that is kept of a user as JSON lines, each with its "type"."""
    return await exported(deps, named(who.on_behalf_of(user_id)))


@router.delete("/{user_id}", **told("users delete", {200: ForgottenUser}))
async def delete_user(user_id: NamedInPath, deps: Deps, who: Who) -> Response:
    """Forgets a user: conversations, messages, feedback, and the examples whose metadata names them."""
    return answers.json(await forgotten(deps, named(who.on_behalf_of(user_id))))


def named(user_id: str | None) -> str:
    """Returns whom a request is about; raises InvalidArgument when it names nobody."""
    if user_id is None:
        raise InvalidArgument("user_id: say whose.", metadata={"field": "user_id"})
    return user_id


async def exported(deps: Dependencies, user_id: str) -> Response:
    """Streams what is kept; what is wrong before the first line is answered with a status of its own."""
    request = conversation_pb2.ExportUserRequest(user_id=user_id)
    records = deps.peers.dataset.stream(lambda stub: stub.ExportUser(request))
    first = await anext(records, None)
    headers = {"content-disposition": 'attachment; filename="user.jsonl"', **answers.NO_STORE}
    return StreamingResponse(_lines(first, records), media_type=bodies.NDJSON, headers=headers)


async def forgotten(deps: Dependencies, user_id: str) -> ForgottenUser:
    """Forgets them, and the answers that were cached for them alone run out by themselves."""
    request = conversation_pb2.DeleteUserRequest(user_id=user_id)
    gone = await deps.peers.dataset.ask(lambda stub: stub.DeleteUser(request))
    await deps.memory.forget(user_id)
    return ForgottenUser(gone.conversations, gone.messages, gone.feedback, gone.examples)


async def _lines(
    first: conversation_pb2.ExportUserResponse | None,
    records: AsyncGenerator[conversation_pb2.ExportUserResponse, None],
) -> AsyncIterator[bytes]:
    async with aclosing(records):
        if first is not None:
            yield first.record_json.encode() + b"\n"
        async for record in records:
            yield record.record_json.encode() + b"\n"
