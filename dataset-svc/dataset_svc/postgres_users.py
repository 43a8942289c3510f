"""What the bank's PostgreSQL keeps of a user, and its deletion."""

from collections.abc import Sequence
from typing import Any, Final

from dataset_svc import postgres_feed as feed
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.forgetting import MARK, user_digest, user_of
from dataset_svc.model import ChangeKind, Example, Feedback, Rating, UserCounts
from dataset_svc.postgres_database import Connection, PostgresDatabase
from dataset_svc.postgres_rows import example_of

_FEEDBACK: Final = (
    "SELECT id, user_id, message, rating, metadata_json, create_time FROM feedback "
    "WHERE user_id = %s AND (create_time, id) > (%s, %s) ORDER BY create_time, id LIMIT %s"
)
_COLUMNS: Final = "id, domain, prompt, response, metadata_json, create_time, update_time"
_MARKED: Final = (
    "SELECT e.*, d.analyser FROM ("  # noqa: S608 - names of ours
    f"SELECT {_COLUMNS} FROM examples WHERE id > %(after)s AND strpos(metadata_json, %(mark)s) > 0 "
    f"UNION ALL SELECT {_COLUMNS} FROM examples_archive "
    "WHERE id > %(after)s AND strpos(metadata_json, %(mark)s) > 0"
    ") AS e JOIN datasets d ON d.domain = e.domain ORDER BY e.id LIMIT %(limit)s"
)
_NAMED: Final = "SELECT id, domain, metadata_json FROM {} WHERE strpos(metadata_json, %s) > 0"
_COUNT_DOWN: Final = (
    "UPDATE datasets d SET {0} = {0} - gone.count FROM (SELECT domain, count(*) AS count "
    "FROM unnest(%s::text[]) AS each (domain) GROUP BY domain) AS gone WHERE d.domain = gone.domain"
)
_USER_LOCK: Final = 0x6D63_6169
_FORGET: Final = (
    "INSERT INTO forgotten_users (user_digest, forget_time) VALUES (%s, %s) "
    "ON CONFLICT (user_digest) DO UPDATE SET forget_time = greatest(forgotten_users.forget_time, "
    "excluded.forget_time)"
)


class PostgresUsers:
    """ports.Users on an open PostgresDatabase, which the bank closes."""

    def __init__(self, database: PostgresDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal

    async def feedback(self, user_id: str, after: tuple[float, str], limit: int) -> list[Feedback]:
        """See ports.Users."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_FEEDBACK, (user_id, *after, limit))
            return [_feedback(row) for row in await cursor.fetchall()]

    async def examples(self, user_id: str, after_id: str, limit: int) -> tuple[list[Example], str]:
        """See ports.Users."""
        async with self._database.bulk_transaction() as connection:
            cursor = await connection.execute(_MARKED, {"after": after_id, "mark": MARK, "limit": limit})
            marked = [example_of(row) for row in await cursor.fetchall()]
        theirs = [each for each in marked if user_of(each.metadata_json) == user_id]
        return theirs, marked[-1].id if len(marked) == limit else ""

    async def forget(self, user_id: str, now: float) -> UserCounts:
        """See ports.Users."""
        async with self._database.bulk_transaction() as connection:
            await feed.lock(connection)
            await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", _lock_of(user_id))
            await connection.execute(_FORGET, (user_digest(user_id), now))
            messages = await connection.execute(
                "DELETE FROM messages WHERE conversation_id IN "
                "(SELECT id FROM conversations WHERE user_id = %s)",
                (user_id,),
            )
            conversations = await connection.execute(
                "DELETE FROM conversations WHERE user_id = %s", (user_id,)
            )
            feedback = await connection.execute("DELETE FROM feedback WHERE user_id = %s", (user_id,))
            archived = await _remove(connection, "examples_archive", "archived_count", user_id)
            live = await _remove(connection, "examples", "example_count", user_id)
            await connection.execute("DELETE FROM conflicts WHERE user_ids && %s", ([user_id],))
            head = await feed.append_ids(connection, ChangeKind.DELETED, live) if live else 0
        self._signal.advance(head)
        return UserCounts(
            conversations.rowcount, messages.rowcount, feedback.rowcount, len(live) + len(archived)
        )

    async def forgotten_at(self, user_id: str) -> float | None:
        """See ports.Users."""
        async with self._database.connection() as connection:
            return await forgotten_at(connection, user_id)


async def forgotten_at(connection: Connection, user_id: str) -> float | None:
    """When the user was last forgotten; None if never."""
    cursor = await connection.execute(
        "SELECT forget_time FROM forgotten_users WHERE user_digest = %s", (user_digest(user_id),)
    )
    row = await cursor.fetchone()
    return float(row[0]) if row else None


async def forgotten_before(connection: Connection, user_id: str) -> float | None:
    """As `forgotten_at`, and until the caller's transaction ends nobody forgets the user.

    Without the lock, a message on its way while its user is forgotten would be written after the deletion had
    looked for messages, and stay.
    """
    # A statement of its own: the one that reads must begin when the lock is held.
    await connection.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", _lock_of(user_id))
    return await forgotten_at(connection, user_id)


def _lock_of(user_id: str) -> tuple[int, int]:
    """The two numbers of the user's advisory lock; users who share one by chance wait for each other."""
    return _USER_LOCK, int.from_bytes(user_digest(user_id)[:4], signed=True)


async def _remove(connection: Connection, table: str, count: str, user_id: str) -> list[tuple[str, str]]:
    """Removes the user's examples from a table; returns id and domain of each."""
    cursor = await connection.execute(_NAMED.format(table), (MARK,))
    gone = [(row[0], row[1]) async for row in cursor if user_of(row[2]) == user_id]
    if gone:
        await connection.execute(f"DELETE FROM {table} WHERE id = ANY(%s)", ([key[0] for key in gone],))  # noqa: S608 - names of ours
        await connection.execute(_COUNT_DOWN.format(count), ([key[1] for key in gone],))
    return gone


def _feedback(row: Sequence[Any]) -> Feedback:
    feedback_id, user_id, message, rating, metadata_json, create_time = row
    return Feedback(feedback_id, user_id, message, Rating(rating), metadata_json, create_time)
