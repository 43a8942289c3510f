"""What was said and thought: conversations, messages and feedback, a method per RPC."""

from collections.abc import Sequence

from dataset_svc.message_size import messages as in_messages
from dataset_svc.model import MAX_RESPONSE_CHARACTERS, Conversation, Durability, Feedback, Message
from dataset_svc.ports import Conversations
from dataset_svc.rules import checked_identifier, checked_metadata, checked_text
from servicekit.errors import InvalidArgument
from servicekit.pages import clamp_page_size, decode_token, encode_token

MAX_MESSAGES = 64
MESSAGE_ROWS, MAX_MESSAGE_ROWS = 100, 1_000
CONVERSATION_ROWS, MAX_CONVERSATION_ROWS = 50, 500
BEFORE_ALL = (float("-inf"), "")


class ConversationService:
    """The store keeps it; while it is away the fallback journals what is appended."""

    def __init__(self, store: Conversations) -> None:
        self._store = store

    async def append(self, conversation_id: str, user_id: str, messages: Sequence[Message]) -> Durability:
        """Append messages; raises ConversationNotFound when the conversation is another user's."""
        _check_names(conversation_id, user_id)
        if not 0 < len(messages) <= MAX_MESSAGES:
            raise InvalidArgument(f"A call appends 1 to {MAX_MESSAGES} messages.")
        for message in messages:
            checked_identifier("message id", message.id)
            checked_text("content", message.content, MAX_RESPONSE_CHARACTERS)
            checked_metadata(message.metadata_json)
        return await self._store.append_messages(conversation_id, user_id, messages)

    async def get(
        self, conversation_id: str, user_id: str, page_size: int, page_token: str
    ) -> tuple[Conversation, list[Message], str]:
        """The conversation, a page of its messages, oldest first, and the token of the next page."""
        _check_names(conversation_id, user_id)
        limit = clamp_page_size(page_size, MESSAGE_ROWS, MAX_MESSAGE_ROWS)
        after = _position(page_token) or BEFORE_ALL
        conversation = await self._store.get_conversation(conversation_id, user_id)
        rows = await self._store.list_messages(conversation_id, user_id, after, limit + 1)
        page = next(in_messages(rows[:limit], _message_bytes), [])
        token = _token(page[-1].create_time, page[-1].id) if len(page) < len(rows) else ""
        return conversation, page, token

    async def list(self, user_id: str, page_size: int, page_token: str) -> tuple["list[Conversation]", str]:
        """A page of the user's conversations, the last used first, and the token of the next."""
        checked_identifier("user_id", user_id)
        limit = clamp_page_size(page_size, CONVERSATION_ROWS, MAX_CONVERSATION_ROWS)
        rows = await self._store.list_conversations(user_id, _position(page_token), limit + 1)
        page = rows[:limit]
        return page, _token(page[-1].update_time, page[-1].id) if len(rows) > limit else ""

    async def delete(self, conversation_id: str, user_id: str) -> None:
        """Remove it with its messages; raises ConversationNotFound."""
        _check_names(conversation_id, user_id)
        await self._store.delete_conversation(conversation_id, user_id)

    async def record_feedback(self, feedback: Feedback) -> Durability:
        """Keep an opinion; one of the same id is kept once."""
        checked_identifier("feedback_id", feedback.id)
        checked_identifier("user_id", feedback.user_id, required=False)
        checked_text("message", feedback.message, MAX_RESPONSE_CHARACTERS)
        checked_metadata(feedback.metadata_json)
        return await self._store.record_feedback(feedback)


def _check_names(conversation_id: str, user_id: str) -> None:
    checked_identifier("conversation_id", conversation_id)
    checked_identifier("user_id", user_id)


def _token(time: float, identifier: str) -> str:
    return encode_token({"time": time, "id": identifier})


def _position(page_token: str) -> tuple[float, str] | None:
    """Where a page begins; None is the first. Raises InvalidArgument for the token of another list."""
    position = decode_token(page_token)
    if not position:
        return None
    time, identifier = position.get("time"), position.get("id")
    if len(position) == len(("time", "id")) and isinstance(time, int | float) and isinstance(identifier, str):
        return float(time), identifier
    raise InvalidArgument("page_token is not one of this list.", metadata={"field": "page_token"})


def _message_bytes(message: Message) -> int:
    return 300 + len(message.content.encode()) + len(message.metadata_json.encode())
