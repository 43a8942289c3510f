"""What was said and thought: conversations, messages and feedback, a method per RPC."""

from collections.abc import Sequence

from dataset_svc.index_text import plain_words
from dataset_svc.message_size import MESSAGE_BYTES
from dataset_svc.message_size import messages as in_messages
from dataset_svc.model import MAX_RESPONSE_CHARACTERS, Conversation, Durability, Feedback, Message
from dataset_svc.ports import Conversations
from dataset_svc.rules import checked_identifier, checked_metadata, checked_text, checked_title
from servicekit.errors import InvalidArgument
from servicekit.pages import clamp_page_size, decode_token, encode_token

MAX_MESSAGES = 64
MESSAGE_ROWS, MAX_MESSAGE_ROWS = 100, 1_000
CONVERSATION_ROWS, MAX_CONVERSATION_ROWS = 50, 500
MAX_QUERY_CHARACTERS = 1_024
SEARCHED_A_READ, MAX_SEARCHED = 500, 10_000
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

    async def list_conversations(
        self, user_id: str, page_size: int, page_token: str
    ) -> tuple[list[Conversation], str]:
        """A page of the user's conversations, the last used first, and the token of the next."""
        checked_identifier("user_id", user_id)
        limit = clamp_page_size(page_size, CONVERSATION_ROWS, MAX_CONVERSATION_ROWS)
        rows = await self._store.list_conversations(user_id, _position(page_token), limit + 1)
        page = rows[:limit]
        return page, _token(page[-1].update_time, page[-1].id) if len(rows) > limit else ""

    async def rename(self, conversation_id: str, user_id: str, title: str) -> Conversation:
        """Give it another title; raises ConversationNotFound."""
        _check_names(conversation_id, user_id)
        return await self._store.rename_conversation(conversation_id, user_id, checked_title(title))

    async def search(
        self, user_id: str, query: str, after_time: float | None, page_size: int, page_token: str
    ) -> tuple[list[tuple[str, Message]], str]:
        """The user's messages that hold all words of the query, newest first, with their conversations' ids.

        Without a query it finds all messages since `after_time` (UTC seconds).
        A call looks at `MAX_SEARCHED` messages at the most; its token goes on from there.
        """
        checked_identifier("user_id", user_id)
        wanted = set(plain_words(checked_text("query", query, MAX_QUERY_CHARACTERS)))
        if not wanted and (query or after_time is None):
            raise InvalidArgument("query has no words.", metadata={"field": "query"})
        since = BEFORE_ALL[0] if after_time is None else after_time
        limit = clamp_page_size(page_size, CONVERSATION_ROWS, MAX_CONVERSATION_ROWS)
        before = _position(page_token)
        found: list[tuple[str, Message]] = []
        room = MESSAGE_BYTES
        for _ in range(MAX_SEARCHED // SEARCHED_A_READ):
            rows = await self._store.list_user_messages(user_id, since, before, SEARCHED_A_READ)
            for conversation_id, message in rows:
                before = message.create_time, message.id
                if wanted and not wanted <= set(plain_words(message.content)):
                    continue
                found.append((conversation_id, message))
                room -= _message_bytes(message)
                if len(found) == limit or room <= 0:
                    return found, _token(*before)
            if len(rows) < SEARCHED_A_READ:
                return found, ""
        return found, _token(*before) if before else ""

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
