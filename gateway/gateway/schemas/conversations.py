"""Bodies of conversations, the older history, and feedback."""

from typing import Annotated, Literal

import msgspec

from gateway.schemas.bank import JsonObject, no_metadata, raw_object
from gateway.schemas.chat import Name
from gateway.schemas.times import rfc3339
from mcai.dataset.v1 import conversation_pb2

_ROLES = {
    conversation_pb2.ROLE_USER: "user",
    conversation_pb2.ROLE_ASSISTANT: "assistant",
    conversation_pb2.ROLE_SYSTEM: "system",
}
RATINGS = {"like": conversation_pb2.RATING_LIKE, "dislike": conversation_pb2.RATING_DISLIKE}


class MessageBody(msgspec.Struct):
    """One thing said."""

    id: str
    role: str
    content: str
    metadata: JsonObject
    create_time: str | None


class ConversationBody(msgspec.Struct):
    """A conversation without its messages."""

    id: str
    user_id: str
    title: str
    message_count: int
    create_time: str | None
    update_time: str | None


class ConversationPage(msgspec.Struct):
    """A page of a user's conversations, the last used first."""

    conversations: list[ConversationBody]
    next_page_token: str


class ConversationMessages(msgspec.Struct):
    """A conversation and a page of its messages, oldest first."""

    conversation: ConversationBody
    messages: list[MessageBody]
    next_page_token: str


class HistoryMessage(msgspec.Struct):
    """One thing said, as older clients know it."""

    role: str
    content: str
    metadata: JsonObject


class History(msgspec.Struct):
    """The last messages of a user's last conversation, oldest first."""

    conversation: list[HistoryMessage]
    count: int


class NewTitle(msgspec.Struct):
    """A conversation's new title."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class FoundMessageBody(msgspec.Struct):
    """A message that was found, and where."""

    conversation_id: str
    id: str
    role: str
    content: str
    metadata: JsonObject
    create_time: str | None


class FoundMessages(msgspec.Struct):
    """Messages that were found, newest first."""

    results: list[FoundMessageBody]
    next_page_token: str
    count: int


class TimelineEntry(msgspec.Struct):
    """How a user sounded at a time; intensity 0 to 10, valence -1 to 1."""

    timestamp: str | None
    emotion: str
    intensity: float
    valence: float
    conversation_id: str


class Timeline(msgspec.Struct):
    """A user's feelings over the last days, oldest first."""

    timeline: list[TimelineEntry]
    count: int
    days: int


class UserNamed(msgspec.Struct):
    """Whose; a user's own key need not say."""

    user_id: Name | None = None


class DeletedConversations(msgspec.Struct):
    """How many conversations were deleted."""

    deleted: int
    success: bool = True


class ForgottenUser(msgspec.Struct):
    """What was kept of a user and is no more."""

    conversations: int
    messages: int
    feedback: int
    examples: int


class FeedbackRequest(msgspec.Struct):
    """An opinion on an answer."""

    message: Annotated[str, msgspec.Meta(min_length=1, max_length=262_144)]
    rating: Literal["like", "dislike"]
    user_id: Name | None = None
    metadata: JsonObject = msgspec.field(default_factory=no_metadata)


class FeedbackReceipt(msgspec.Struct):
    """That the opinion is stored: "committed" or "journalled"."""

    feedback_id: str
    durability: str
    success: bool = True


def message_body(message: conversation_pb2.Message) -> MessageBody:
    """Returns a message for a client."""
    return MessageBody(
        id=message.id,
        role=_ROLES.get(message.role, "system"),
        content=message.content,
        metadata=raw_object(message.metadata_json),
        create_time=rfc3339(message, "create_time"),
    )


def history_message(message: conversation_pb2.Message) -> HistoryMessage:
    """Returns a message for an older client."""
    role = _ROLES.get(message.role, "system")
    return HistoryMessage(role, message.content, raw_object(message.metadata_json))


class _Heard(msgspec.Struct):
    """What the chat notes of a message that it heard."""

    emotion: str
    intensity: float = 0.0
    valence: float = 0.0


def found_message(found: conversation_pb2.FoundMessage) -> FoundMessageBody:
    """Returns a found message for a client."""
    message = found.message
    return FoundMessageBody(
        conversation_id=found.conversation_id,
        id=message.id,
        role=_ROLES.get(message.role, "system"),
        content=message.content,
        metadata=raw_object(message.metadata_json),
        create_time=rfc3339(message, "create_time"),
    )


def timeline_entry(found: conversation_pb2.FoundMessage) -> TimelineEntry | None:
    """Returns the feeling of a message; None for one in which none was noted."""
    try:
        heard = msgspec.json.decode(found.message.metadata_json or "{}", type=_Heard)
    except msgspec.DecodeError:
        return None
    time = rfc3339(found.message, "create_time")
    return TimelineEntry(time, heard.emotion, heard.intensity, heard.valence, found.conversation_id)


def conversation_body(conversation: conversation_pb2.Conversation) -> ConversationBody:
    """Returns a conversation for a client."""
    return ConversationBody(
        id=conversation.id,
        user_id=conversation.user_id,
        title=conversation.title,
        message_count=conversation.message_count,
        create_time=rfc3339(conversation, "create_time"),
        update_time=rfc3339(conversation, "update_time"),
    )
