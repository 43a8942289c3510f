"""What older clients ask of a conversation: its feelings over time, a search, and to be forgotten."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from gateway import answers, bodies
from gateway.dependencies import Dependencies, Deps, UserId, Who
from gateway.openapi import told
from gateway.routes.users import exported, forgotten, named
from gateway.schemas.conversations import (
    DeletedConversations,
    FoundMessages,
    Timeline,
    TimelineEntry,
    UserNamed,
    found_message,
    timeline_entry,
)
from mcai.dataset.v1 import conversation_pb2

router = APIRouter(prefix="/api", tags=["conversations"])

MOST_ENTRIES: Final = 1_000
_PAGE: Final = 500
_DAY_SECONDS: Final = 86_400


@router.get("/conversation/timeline", **told("legacy timeline", {200: Timeline}))
async def timeline(
    deps: Deps,
    user_id: UserId,
    days: Annotated[int, Query(ge=1, le=3_650, description="How far back.")] = 7,
) -> Response:
    """Shows the feelings of what a user said in these days, oldest first: the last 1,000 of them."""
    request = conversation_pb2.SearchMessagesRequest(user_id=user_id, page_size=_PAGE)
    request.after_time.FromSeconds(int(time.time()) - days * _DAY_SECONDS)
    entries: list[TimelineEntry] = []
    async for found in _found(deps, request):
        entry = timeline_entry(found)
        if entry is not None:
            entries.append(entry)
        if len(entries) >= MOST_ENTRIES:
            break
    return answers.json(Timeline(entries[::-1], len(entries), days))


@router.get("/conversation/search", **told("legacy search", {200: FoundMessages}))
async def search(
    deps: Deps,
    user_id: UserId,
    query: Annotated[str, Query(min_length=1, max_length=1_024, description="Words, in any order.")],
    limit: Annotated[int, Query(ge=1, le=500, description="Messages at the most.")] = 20,
) -> Response:
    """Finds a user's messages that hold all words, newest first."""
    request = conversation_pb2.SearchMessagesRequest(user_id=user_id, query=query, page_size=_PAGE)
    results = []
    async for found in _found(deps, request):
        results.append(found_message(found))
        if len(results) >= limit:
            break
    return answers.json(FoundMessages(results, "", len(results)))


@router.post("/conversation/delete", **told("legacy delete", {200: DeletedConversations}, body=UserNamed))
async def delete(request: Request, deps: Deps, who: Who) -> Response:
    """Deletes all conversations of a user; what they thought of answers stays."""
    body = await bodies.read(request, UserNamed)
    user_id = named(who.on_behalf_of(body.user_id))
    deleted = 0
    listing = conversation_pb2.ListConversationsRequest(user_id=user_id, page_size=_PAGE)
    while True:
        page = await deps.peers.dataset.ask(lambda stub: stub.ListConversations(listing))
        for each in page.conversations:
            one = conversation_pb2.DeleteConversationRequest(conversation_id=each.id, user_id=user_id)
            await deps.peers.dataset.ask(lambda stub, one=one: stub.DeleteConversation(one))  # type: ignore[misc]  # bound now
            deleted += 1
        if not page.next_page_token:
            return answers.json(DeletedConversations(deleted))


@router.get("/privacy/export", **told("legacy export-user", {200: bodies.NDJSON}))
async def export_user(deps: Deps, user_id: UserId) -> Response:
    """Exports all that is kept of a user; the same as /api/users/{user_id}:export."""
    return await exported(deps, user_id)


@router.post("/privacy/delete", **told("legacy delete-user", {200: DeletedConversations}, body=UserNamed))
async def delete_user(request: Request, deps: Deps, who: Who) -> Response:
    """Forgets a user; the same as DELETE /api/users/{user_id}."""
    body = await bodies.read(request, UserNamed)
    gone = await forgotten(deps, named(who.on_behalf_of(body.user_id)))
    return answers.json(DeletedConversations(gone.conversations))


async def _found(
    deps: Dependencies, request: conversation_pb2.SearchMessagesRequest
) -> AsyncIterator[conversation_pb2.FoundMessage]:
    while True:
        page = await deps.peers.dataset.ask(lambda stub: stub.SearchMessages(request))
        for each in page.messages:
            yield each
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
