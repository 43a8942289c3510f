"""Journalled writes on their way into the bank's PostgreSQL, and the conflicts that were met."""

from typing import Final

from dataset_svc import postgres_feed as feed
from dataset_svc import postgres_rows as rows
from dataset_svc.batches import Candidate, candidates, sort_out
from dataset_svc.conflicts import (
    Appended,
    Conflict,
    Deletion,
    Edit,
    Lost,
    Verdict,
    Write,
    judged_deletion,
    judged_edit,
    lost_edit,
    same_state,
)
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.forgetting import user_of
from dataset_svc.model import ChangeKind, Example, Feedback
from dataset_svc.postgres_archive import take_out
from dataset_svc.postgres_conversations import append_messages, record_feedback
from dataset_svc.postgres_database import Connection, PostgresDatabase
from dataset_svc.postgres_users import forgotten_at

REMEMBERED_SECONDS: Final = 90 * 86_400.0
"""How long an applied entry is known: a journal that was cut off for longer is no longer replayed exactly."""

_LIST: Final = (
    "SELECT sequence, example_id, domain, journalled_kept, lost_json, lost_time, create_time FROM conflicts "
    "WHERE sequence > %(after)s AND (%(users)s::text[] IS NULL OR user_ids && %(users)s) "
    "ORDER BY sequence LIMIT %(limit)s"
)


class PostgresConflicts:
    """ports.Conflicts on an open PostgresDatabase, which the bank closes."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def list(self, after_sequence: int, limit: int, user_id: str | None = None) -> list[Conflict]:
        """See ports.Conflicts."""
        users = None if user_id is None else [user_id]
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                _LIST, {"after": after_sequence, "users": users, "limit": limit}
            )
            return [Conflict(*row) for row in await cursor.fetchall()]


class PostgresReplays:
    """ports.Replays on an open PostgresDatabase, which the bank closes."""

    def __init__(self, database: PostgresDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal

    async def apply(self, entry_id: str, write: Write, now: float) -> int:
        """See ports.Replays."""
        head = 0
        async with self._database.transaction() as connection:
            # Whoever else applies the same entry waits here for the end of this transaction.
            if await _noted(connection, entry_id, now):
                head = await _write(connection, write, now)
        self._signal.advance(head)
        return head


async def _noted(connection: Connection, entry_id: str, now: float) -> bool:
    """Notes that the entry is applied; returns False if it was."""
    await connection.execute(
        "DELETE FROM replayed_entries WHERE replay_time < %s", (now - REMEMBERED_SECONDS,)
    )
    cursor = await connection.execute(
        "INSERT INTO replayed_entries (entry_id, replay_time) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (entry_id, now),
    )
    return cursor.rowcount > 0


async def _write(connection: Connection, write: Write, now: float) -> int:
    """Writes it; returns the head of the feed, 0 if that has not grown."""
    match write:
        case Appended():
            await append_messages(connection, write.conversation_id, write.user_id, write.messages)
        case Feedback():
            await record_feedback(connection, write)
        case Example():
            return await _create(connection, write)
        case Edit():
            return await _edit(connection, write, now)
        case Deletion():
            return await _delete(connection, write, now)
    return 0


async def _create(connection: Connection, new: Example) -> int:
    await feed.lock(connection)
    if await _forgotten(connection, user_of(new.metadata_json), new.create_time):
        return await _told_again(connection, new)
    batch = candidates([new])
    fresh, _ = sort_out(
        batch, await rows.taken_ids(connection, batch), await rows.taken_contents(connection, batch)
    )
    if fresh and await feed.removed_at(connection, new.id) is None:
        await rows.store(connection, fresh)
        return await feed.append(connection, ChangeKind.CREATED, [new])
    current = await rows.find(connection, new.id)
    if current is not None and same_state(current, new):
        return 0
    # The store has its equal, or has this one from a repeated call, or has had it and lost it.
    return await _told_again(connection, new)


async def _edit(connection: Connection, edit: Edit, now: float) -> int:
    await feed.lock(connection)
    current = await rows.find(connection, edit.example.id)
    if await _forgotten(connection, edit.base_user, edit.base_time) or await _forgotten(
        connection, user_of(edit.example.metadata_json), edit.time
    ):
        return await _told_again(connection, edit.example)
    removed_at = None if current else await feed.removed_at(connection, edit.example.id)
    verdict = judged_edit(edit, current, removed_at)
    if verdict.kept:
        batch = candidates([edit.example])
        taken = await rows.taken_contents(connection, batch)
        if taken.get(batch[0].key, edit.example.id) != edit.example.id:
            # Another example has this content by now, which the editor could not know.
            verdict = Verdict(kept=False, lost=lost_edit(edit))
    if verdict.lost is not None:
        await _note(connection, edit.example, verdict.kept, verdict.lost, now)
    if verdict.kept:
        return await _put(connection, batch[0], current)
    return await _told_again(connection, edit.example)


async def _put(connection: Connection, new: Candidate, current: Example | None) -> int:
    """Stores the state of an example whose content no other has."""
    if current is None:
        await take_out(connection, new.example.id)
        await rows.store(connection, [new])
        return await feed.append(connection, ChangeKind.CREATED, [new.example])
    if same_state(current, new.example):
        return 0
    await rows.rewrite(connection, new)
    return await feed.append(connection, ChangeKind.UPDATED, [new.example])


async def _delete(connection: Connection, deletion: Deletion, now: float) -> int:
    await feed.lock(connection)
    current = await rows.find(connection, deletion.example_id)
    if current is None:
        return 0
    verdict = judged_deletion(deletion, current)
    if verdict.lost is not None:
        await _note(connection, current, verdict.kept, verdict.lost, now)
    if not verdict.kept:
        return await _told_again(connection, current)
    await rows.remove(connection, current)
    return await feed.append(connection, ChangeKind.DELETED, [current])


async def _forgotten(connection: Connection, user_id: str | None, time: float) -> bool:
    """Whether the user was forgotten since that time."""
    forgotten = None if user_id is None else await forgotten_at(connection, user_id)
    return forgotten is not None and time <= forgotten


async def _told_again(connection: Connection, example: Example) -> int:
    """Has the feed tell the store's state of an example, none perhaps, to the replica that shows another."""
    return await feed.append(connection, ChangeKind.UPDATED, [example])


async def _note(connection: Connection, example: Example, kept: bool, lost: Lost, now: float) -> None:
    await connection.execute(
        "INSERT INTO conflicts (example_id, domain, journalled_kept, lost_json, lost_time, create_time, "
        "user_ids) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (example.id, example.domain, kept, lost.content_json, lost.time, now, [*lost.users]),
    )
