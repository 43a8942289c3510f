"""Conversations, messages and feedback in the bank's PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from dataset_svc.errors import ConversationNotFound
from dataset_svc.model import Conversation, Durability, Feedback, Message, Role, title_of
from dataset_svc.postgres_database import Connection, PostgresDatabase
from dataset_svc.postgres_users import forgotten_before

_CONVERSATIONS: Final = (
    "SELECT id, user_id, title, message_count, create_time, update_time FROM conversations "
)
_MESSAGES: Final = (
    "SELECT id, role, content, metadata_json, create_time FROM messages "
    "WHERE conversation_id = %s AND (create_time, id) > (%s, %s) ORDER BY create_time, id LIMIT %s"
)
_APPEND: Final = (
    "WITH added AS ("
    "INSERT INTO messages (conversation_id, id, role, content, metadata_json, create_time) "
    "SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::float8[]) "
    "ON CONFLICT DO NOTHING RETURNING create_time), "
    "total AS (SELECT count(*) AS count, max(create_time) AS newest FROM added) "
    "UPDATE conversations SET message_count = message_count + count, "
    "update_time = greatest(update_time, newest) FROM total WHERE id = %s AND count > 0"
)
_USER_MESSAGES: Final = (
    "SELECT m.conversation_id, m.id, m.role, m.content, m.metadata_json, m.create_time "
    "FROM conversations c JOIN messages m ON m.conversation_id = c.id "
    "WHERE c.user_id = %s AND m.create_time >= %s AND (m.create_time, m.id) < (%s, %s) "
    "ORDER BY m.create_time DESC, m.id DESC LIMIT %s"
)
_END_OF_TIME: Final = float("inf")


class PostgresConversations:
    """ports.Conversations on an open PostgresDatabase, which the bank closes."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def append_messages(
        self, conversation_id: str, user_id: str, messages: Sequence[Message]
    ) -> Durability:
        """See ports.Conversations."""
        async with self._database.transaction() as connection:
            await append_messages(connection, conversation_id, user_id, messages)
        return Durability.COMMITTED

    async def get_conversation(self, conversation_id: str, user_id: str) -> Conversation:
        """See ports.Conversations."""
        async with self._database.connection() as connection:
            return await _conversation(connection, conversation_id, user_id)

    async def list_messages(
        self, conversation_id: str, user_id: str, after: tuple[float, str], limit: int
    ) -> list[Message]:
        """See ports.Conversations."""
        async with self._database.connection() as connection:
            await _conversation(connection, conversation_id, user_id)
            cursor = await connection.execute(_MESSAGES, (conversation_id, *after, limit))
            return [Message(row[0], Role(row[1]), *row[2:]) for row in await cursor.fetchall()]

    async def list_conversations(
        self, user_id: str, before: tuple[float, str] | None, limit: int
    ) -> list[Conversation]:
        """See ports.Conversations."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                _CONVERSATIONS + "WHERE user_id = %s AND (update_time, id) < (%s, %s) "
                "ORDER BY update_time DESC, id DESC LIMIT %s",
                (user_id, *(before or (_END_OF_TIME, "")), limit),
            )
            return [Conversation(*row) for row in await cursor.fetchall()]

    async def list_user_messages(
        self, user_id: str, after_time: float, before: tuple[float, str] | None, limit: int
    ) -> list[tuple[str, Message]]:
        """See ports.Conversations."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                _USER_MESSAGES, (user_id, after_time, *(before or (_END_OF_TIME, "")), limit)
            )
            return [(row[0], Message(row[1], Role(row[2]), *row[3:])) for row in await cursor.fetchall()]

    async def rename_conversation(self, conversation_id: str, user_id: str, title: str) -> Conversation:
        """See ports.Conversations."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE conversations SET title = %s WHERE id = %s AND user_id = %s",
                (title, conversation_id, user_id),
            )
            return await _conversation(connection, conversation_id, user_id)

    async def delete_conversation(self, conversation_id: str, user_id: str) -> None:
        """See ports.Conversations."""
        async with self._database.transaction() as connection:
            await _conversation(connection, conversation_id, user_id, lock="FOR UPDATE")
            await connection.execute("DELETE FROM conversations WHERE id = %s", (conversation_id,))

    async def record_feedback(self, feedback: Feedback) -> Durability:
        """See ports.Conversations."""
        async with self._database.transaction() as connection:
            await record_feedback(connection, feedback)
        return Durability.COMMITTED


async def append_messages(
    connection: Connection, conversation_id: str, user_id: str, messages: Sequence[Message]
) -> None:
    """In the caller's transaction; see ports.Conversations."""
    forgotten = await forgotten_before(connection, user_id)
    messages = [each for each in messages if forgotten is None or each.create_time > forgotten]
    if messages:
        await _begin_conversation(connection, conversation_id, user_id, messages[0])
        # Appends to one conversation wait for each other, so that its count is right.
        await _conversation(connection, conversation_id, user_id, lock="FOR UPDATE")
        await _append(connection, conversation_id, messages)


async def record_feedback(connection: Connection, feedback: Feedback) -> None:
    """In the caller's transaction; see ports.Conversations."""
    forgotten = await forgotten_before(connection, feedback.user_id)
    if forgotten is not None and feedback.create_time <= forgotten:
        return
    await connection.execute(
        "INSERT INTO feedback (id, user_id, message, rating, metadata_json, create_time) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            feedback.id,
            feedback.user_id,
            feedback.message,
            feedback.rating.value,
            feedback.metadata_json,
            feedback.create_time,
        ),
    )


async def _conversation(
    connection: Connection, conversation_id: str, user_id: str, *, lock: str = ""
) -> Conversation:
    cursor = await connection.execute(
        f"{_CONVERSATIONS} WHERE id = %s AND user_id = %s {lock}", (conversation_id, user_id)
    )
    if (row := await cursor.fetchone()) is None:
        # The same words for another user's conversation: they do not tell whether it exists.
        raise ConversationNotFound(f"There is no conversation {conversation_id!r} of this user.")
    return Conversation(*row)


async def _begin_conversation(
    connection: Connection, conversation_id: str, user_id: str, first: Message
) -> None:
    await connection.execute(
        "INSERT INTO conversations (id, user_id, title, create_time, update_time) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (conversation_id, user_id, title_of(first.content), first.create_time, first.create_time),
    )


async def _append(connection: Connection, conversation_id: str, messages: Sequence[Message]) -> None:
    columns = (
        [message.id for message in messages],
        [message.role.value for message in messages],
        [message.content for message in messages],
        [message.metadata_json for message in messages],
        [message.create_time for message in messages],
    )
    await connection.execute(_APPEND, (conversation_id, *columns, conversation_id))
