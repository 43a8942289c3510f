"""What people said: conversations, the older history, and feedback."""

import time
from collections import deque
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway import answers, bodies
from gateway.chat.model import Durability
from gateway.dependencies import Dependencies, Deps, PageSize, PageToken, UserId, Who
from gateway.openapi import told
from gateway.schemas.conversations import (
    RATINGS,
    ConversationBody,
    ConversationMessages,
    ConversationPage,
    FeedbackReceipt,
    FeedbackRequest,
    FoundMessages,
    History,
    NewTitle,
    conversation_body,
    found_message,
    history_message,
    message_body,
)
from mcai.dataset.v1 import conversation_pb2

router = APIRouter(prefix="/api", tags=["conversations"])

ConversationId = Annotated[str, Path(max_length=128)]
_READ_AT_ONCE = 1000
_DAY_SECONDS = 86_400


@router.get("/conversations", **told("conversations list", {200: ConversationPage}))
async def list_conversations(
    deps: Deps, user_id: UserId, page_size: PageSize = 0, page_token: PageToken = ""
) -> Response:
    """Lists a user's conversations, the last used first."""
    request = conversation_pb2.ListConversationsRequest(
        user_id=user_id, page_size=page_size, page_token=page_token
    )
    page = await deps.peers.dataset.ask(lambda stub: stub.ListConversations(request))
    conversations = [conversation_body(each) for each in page.conversations]
    return answers.json(ConversationPage(conversations, page.next_page_token))


@router.get("/conversations:search", **told("conversations search", {200: FoundMessages}))
async def search_conversations(
    deps: Deps,
    user_id: UserId,
    q: Annotated[str, Query(min_length=1, max_length=1_024, description="Words, in any order.")],
    days: Annotated[int, Query(ge=0, le=3_650, description="How far back; 0 for all.")] = 0,
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> Response:
    """Finds a user's messages that hold all words, newest first."""
    request = conversation_pb2.SearchMessagesRequest(
        user_id=user_id, query=q, page_size=page_size, page_token=page_token
    )
    if days:
        request.after_time.FromSeconds(int(time.time()) - days * _DAY_SECONDS)
    page = await deps.peers.dataset.ask(lambda stub: stub.SearchMessages(request))
    results = [found_message(each) for each in page.messages]
    return answers.json(FoundMessages(results, page.next_page_token, len(results)))


@router.get("/conversations/{conversation_id}", **told("conversations show", {200: ConversationMessages}))
async def get_conversation(
    conversation_id: ConversationId,
    deps: Deps,
    user_id: UserId,
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> Response:
    """Shows a conversation and a page of its messages, oldest first."""
    request = conversation_pb2.GetConversationRequest(
        conversation_id=conversation_id, user_id=user_id, page_size=page_size, page_token=page_token
    )
    page = await deps.peers.dataset.ask(lambda stub: stub.GetConversation(request))
    return answers.json(
        ConversationMessages(
            conversation_body(page.conversation),
            [message_body(each) for each in page.messages],
            page.next_page_token,
        )
    )


@router.patch(
    "/conversations/{conversation_id}", **told("conversations rename", {200: ConversationBody}, body=NewTitle)
)
async def rename_conversation(
    conversation_id: ConversationId, request: Request, deps: Deps, user_id: UserId
) -> Response:
    """Gives a conversation another title."""
    body = await bodies.read(request, NewTitle)
    wanted = conversation_pb2.RenameConversationRequest(
        conversation_id=conversation_id, user_id=user_id, title=body.title
    )
    response = await deps.peers.dataset.ask(lambda stub: stub.RenameConversation(wanted))
    return answers.json(conversation_body(response.conversation))


@router.delete(
    "/conversations/{conversation_id}", status_code=204, **told("conversations delete", {204: None})
)
async def delete_conversation(conversation_id: ConversationId, deps: Deps, user_id: UserId) -> Response:
    """Deletes a conversation and its messages."""
    request = conversation_pb2.DeleteConversationRequest(conversation_id=conversation_id, user_id=user_id)
    await deps.peers.dataset.ask(lambda stub: stub.DeleteConversation(request))
    return Response(status_code=204)


@router.get("/history", **told("legacy history", {200: History}))
async def history(
    deps: Deps,
    user_id: UserId,
    limit: Annotated[int, Query(ge=1, le=1000, description="Messages at the most.")] = 20,
) -> Response:
    """Shows the last messages of a user's last conversation, in the shape that older clients know."""
    latest = conversation_pb2.ListConversationsRequest(user_id=user_id, page_size=1)
    page = await deps.peers.dataset.ask(lambda stub: stub.ListConversations(latest))
    messages: deque[conversation_pb2.Message] = deque(maxlen=limit)
    if page.conversations:
        await _read_to_the_end(deps, page.conversations[0].id, user_id, messages)
    told = [history_message(each) for each in messages]
    return answers.json(History(told, len(told)))


@router.post(
    "/feedback", **told("feedback", {200: FeedbackReceipt, 202: FeedbackReceipt}, body=FeedbackRequest)
)
async def feedback(request: Request, deps: Deps, who: Who) -> Response:
    """Keeps an opinion on an answer: 200, or 202 while its store is away."""
    body = await bodies.read(request, FeedbackRequest)
    feedback_id = deps.new_id()
    stored = await deps.memory.record(
        conversation_pb2.RecordFeedbackRequest(
            feedback_id=feedback_id,
            user_id=who.on_behalf_of(body.user_id) or "",
            message=body.message,
            rating=RATINGS[body.rating],
            metadata_json=bodies.object_text(body.metadata, "metadata"),
        )
    )
    status = 202 if stored is Durability.JOURNALLED else 200
    return answers.json(FeedbackReceipt(feedback_id, stored.value), status)


async def _read_to_the_end(
    deps: Dependencies, conversation_id: str, user_id: str, messages: deque[conversation_pb2.Message]
) -> None:
    """Reads a conversation through; pages run from the oldest message, and the last ones are wanted."""
    request = conversation_pb2.GetConversationRequest(
        conversation_id=conversation_id, user_id=user_id, page_size=_READ_AT_ONCE
    )
    while True:
        page = await deps.peers.dataset.ask(lambda stub: stub.GetConversation(request))
        messages.extend(page.messages)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
