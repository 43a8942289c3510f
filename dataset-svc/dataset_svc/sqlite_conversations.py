"""Conversations, messages and feedback in the bank's SQLite file."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from dataset_svc.errors import ConversationNotFound
from dataset_svc.model import Conversation, Durability, Feedback, Message, Role, title_of
from dataset_svc.sqlite_database import SqliteDatabase
from dataset_svc.sqlite_users import forgotten_at

_CONVERSATIONS: Final = (
    "SELECT id, user_id, title, message_count, create_time, update_time FROM conversations "
)
_MESSAGES: Final = (
    "SELECT id, role, content, metadata_json, create_time FROM messages "
    "WHERE conversation_id = ? AND (create_time, id) > (?, ?) ORDER BY create_time, id LIMIT ?"
)
_USER_MESSAGES: Final = (
    "SELECT m.conversation_id, m.id, m.role, m.content, m.metadata_json, m.create_time "
    "FROM conversations c JOIN messages m ON m.conversation_id = c.id "
    "WHERE c.user_id = ? AND m.create_time >= ? AND (m.create_time, m.id) < (?, ?) "
    "ORDER BY m.create_time DESC, m.id DESC LIMIT ?"
)
_END_OF_TIME: Final = float("inf")


class SqliteConversations:
    """ports.Conversations on an open SqliteDatabase, which the bank closes."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def append_messages(
        self, conversation_id: str, user_id: str, messages: Sequence[Message]
    ) -> Durability:
        """See ports.Conversations."""

        def work(connection: sqlite3.Connection) -> None:
            forgotten = forgotten_at(connection, user_id)
            fresh = [each for each in messages if forgotten is None or each.create_time > forgotten]
            if fresh:
                _begin_conversation(connection, conversation_id, user_id, fresh)
                _conversation(connection, conversation_id, user_id)
            for message in fresh:
                _append(connection, conversation_id, message)

        await self._database.write(work)
        return Durability.COMMITTED

    async def get_conversation(self, conversation_id: str, user_id: str) -> Conversation:
        """See ports.Conversations."""
        return await self._database.read(
            lambda connection: _conversation(connection, conversation_id, user_id)
        )

    async def list_messages(
        self, conversation_id: str, user_id: str, after: tuple[float, str], limit: int
    ) -> list[Message]:
        """See ports.Conversations."""

        def work(connection: sqlite3.Connection) -> list[Message]:
            _conversation(connection, conversation_id, user_id)
            found = connection.execute(_MESSAGES, (conversation_id, *after, limit))
            return [Message(row[0], Role(row[1]), *row[2:]) for row in found]

        return await self._database.read(work)

    async def list_conversations(
        self, user_id: str, before: tuple[float, str] | None, limit: int
    ) -> list[Conversation]:
        """See ports.Conversations."""

        def work(connection: sqlite3.Connection) -> list[Conversation]:
            found = connection.execute(
                _CONVERSATIONS + "WHERE user_id = ? AND (update_time, id) < (?, ?) "
                "ORDER BY update_time DESC, id DESC LIMIT ?",
                (user_id, *(before or (_END_OF_TIME, "")), limit),
            )
            return [Conversation(*row) for row in found]

        return await self._database.read(work)

    async def list_user_messages(
        self, user_id: str, after_time: float, before: tuple[float, str] | None, limit: int
    ) -> list[tuple[str, Message]]:
        """See ports.Conversations."""

        def work(connection: sqlite3.Connection) -> list[tuple[str, Message]]:
            found = connection.execute(
                _USER_MESSAGES, (user_id, after_time, *(before or (_END_OF_TIME, "")), limit)
            )
            return [(row[0], Message(row[1], Role(row[2]), *row[3:])) for row in found]

        return await self._database.read(work)

    async def rename_conversation(self, conversation_id: str, user_id: str, title: str) -> Conversation:
        """See ports.Conversations."""

        def work(connection: sqlite3.Connection) -> Conversation:
            _conversation(connection, conversation_id, user_id)
            connection.execute("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation_id))
            return _conversation(connection, conversation_id, user_id)

        return await self._database.write(work)

    async def delete_conversation(self, conversation_id: str, user_id: str) -> None:
        """See ports.Conversations."""

        def work(connection: sqlite3.Connection) -> None:
            _conversation(connection, conversation_id, user_id)
            connection.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))

        await self._database.write(work)

    async def record_feedback(self, feedback: Feedback) -> Durability:
        """See ports.Conversations."""

        def work(connection: sqlite3.Connection) -> None:
            forgotten = forgotten_at(connection, feedback.user_id)
            if forgotten is not None and feedback.create_time <= forgotten:
                return
            connection.execute(
                "INSERT INTO feedback (id, user_id, message, rating, metadata_json, create_time) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    feedback.id,
                    feedback.user_id,
                    feedback.message,
                    feedback.rating.value,
                    feedback.metadata_json,
                    feedback.create_time,
                ),
            )

        await self._database.write(work)
        return Durability.COMMITTED


def _conversation(connection: sqlite3.Connection, conversation_id: str, user_id: str) -> Conversation:
    row = connection.execute(
        _CONVERSATIONS + "WHERE id = ? AND user_id = ?", (conversation_id, user_id)
    ).fetchone()
    if row is None:
        # The same words for another user's conversation: they do not tell whether it exists.
        raise ConversationNotFound(f"There is no conversation {conversation_id!r} of this user.")
    return Conversation(*row)


def _begin_conversation(
    connection: sqlite3.Connection, conversation_id: str, user_id: str, messages: Sequence[Message]
) -> None:
    first = messages[0]
    connection.execute(
        "INSERT INTO conversations (id, user_id, title, create_time, update_time) "
        "VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING",
        (conversation_id, user_id, title_of(first.content), first.create_time),
    )


def _append(connection: sqlite3.Connection, conversation_id: str, message: Message) -> None:
    added = connection.execute(
        "INSERT INTO messages (id, conversation_id, role, content, metadata_json, create_time) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            message.id,
            conversation_id,
            message.role.value,
            message.content,
            message.metadata_json,
            message.create_time,
        ),
    ).rowcount
    if added:
        connection.execute(
            "UPDATE conversations SET message_count = message_count + 1, "
            "update_time = max(update_time, ?) WHERE id = ?",
            (message.create_time, conversation_id),
        )
