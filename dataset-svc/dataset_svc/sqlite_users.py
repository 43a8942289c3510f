"""What the bank's SQLite file keeps of a user, and its deletion."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from dataset_svc import sqlite_rows as rows
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.forgetting import MARK, user_digest, user_of
from dataset_svc.model import ChangeKind, Example, Feedback, Rating, UserCounts
from dataset_svc.sqlite_database import SqliteDatabase

_FEEDBACK: Final = (
    "SELECT id, user_id, message, rating, metadata_json, create_time FROM feedback "
    "WHERE user_id = ? AND (create_time, id) > (?, ?) ORDER BY create_time, id LIMIT ?"
)
_COLUMNS: Final = "id, domain, prompt, response, metadata_json, create_time, update_time"
_MARKED: Final = (
    "SELECT e.*, d.analyser FROM ("  # noqa: S608 - names of ours
    f"SELECT {_COLUMNS} FROM examples WHERE id > ?1 AND instr(metadata_json, ?2) "
    f"UNION ALL SELECT {_COLUMNS} FROM examples_archive WHERE id > ?1 AND instr(metadata_json, ?2)"
    ") AS e JOIN datasets d ON d.domain = e.domain ORDER BY e.id LIMIT ?3"
)
_FORGET: Final = (
    "INSERT INTO forgotten_users (user_digest, forget_time) VALUES (?, ?) "
    "ON CONFLICT (user_digest) DO UPDATE SET forget_time = max(forget_time, excluded.forget_time)"
)


class SqliteUsers:
    """ports.Users on an open SqliteDatabase, which the bank closes."""

    def __init__(self, database: SqliteDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal

    async def feedback(self, user_id: str, after: tuple[float, str], limit: int) -> list[Feedback]:
        """See ports.Users."""
        found = await self._database.read(
            lambda connection: connection.execute(_FEEDBACK, (user_id, *after, limit)).fetchall()
        )
        return [_feedback(row) for row in found]

    async def examples(self, user_id: str, after_id: str, limit: int) -> tuple[list[Example], str]:
        """See ports.Users."""
        found = await self._database.read(
            lambda connection: connection.execute(_MARKED, (after_id, MARK, limit)).fetchall()
        )
        marked = [rows.example_of(row) for row in found]
        theirs = [each for each in marked if user_of(each.metadata_json) == user_id]
        return theirs, marked[-1].id if len(marked) == limit else ""

    async def forget(self, user_id: str, now: float) -> UserCounts:
        """See ports.Users; the freed pages are overwritten, so that nothing is left of them in the file."""

        def work(connection: sqlite3.Connection) -> tuple[UserCounts, int]:
            connection.execute(_FORGET, (user_digest(user_id), now))
            messages = connection.execute(
                "DELETE FROM messages WHERE conversation_id IN "
                "(SELECT id FROM conversations WHERE user_id = ?)",
                (user_id,),
            ).rowcount
            conversations = connection.execute(
                "DELETE FROM conversations WHERE user_id = ?", (user_id,)
            ).rowcount
            feedback = connection.execute("DELETE FROM feedback WHERE user_id = ?", (user_id,)).rowcount
            archived = _remove(connection, "examples_archive", "archived_count", user_id)
            live = _remove(connection, "examples", "example_count", user_id)
            rows.append_keys(connection, ChangeKind.DELETED, live)
            return (
                UserCounts(conversations, messages, feedback, len(live) + len(archived)),
                rows.head(connection),
            )

        counts, head = await self._database.erase(work)
        self._signal.advance(head)
        return counts

    async def forgotten_at(self, user_id: str) -> float | None:
        """See ports.Users."""
        return await self._database.read(lambda connection: forgotten_at(connection, user_id))


def forgotten_at(connection: sqlite3.Connection, user_id: str) -> float | None:
    """When the user was last forgotten; None if never."""
    row = connection.execute(
        "SELECT forget_time FROM forgotten_users WHERE user_digest = ?", (user_digest(user_id),)
    ).fetchone()
    return float(row[0]) if row else None


def _remove(connection: sqlite3.Connection, table: str, count: str, user_id: str) -> list[tuple[str, str]]:
    """Removes the user's examples from a table; returns id and domain of each."""
    marked = connection.execute(
        f"SELECT id, domain, metadata_json FROM {table} WHERE instr(metadata_json, ?)",  # noqa: S608 - names of ours
        (MARK,),
    )
    gone = [(row[0], row[1]) for row in marked if user_of(row[2]) == user_id]
    connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(key[0],) for key in gone])  # noqa: S608 - names of ours
    connection.executemany(
        f"UPDATE datasets SET {count} = {count} - 1 WHERE domain = ?",  # noqa: S608 - names of ours
        [(key[1],) for key in gone],
    )
    return gone


def _feedback(row: Sequence[Any]) -> Feedback:
    feedback_id, user_id, message, rating, metadata_json, create_time = row
    return Feedback(feedback_id, user_id, message, Rating(rating), metadata_json, create_time)
