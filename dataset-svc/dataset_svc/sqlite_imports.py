"""Imports in the bank's SQLite file, one transaction a chunk."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from dataset_svc import sqlite_rows as rows
from dataset_svc.batches import digest_of
from dataset_svc.errors import ImportGap
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.model import ChunkOutcome, Example, ImportChunk, ImportProgress, Refusal
from dataset_svc.ports import MAX_REFUSALS
from dataset_svc.sqlite_database import SqliteDatabase

_EXAMPLES: Final = (
    "INSERT INTO examples (id, domain, prompt, response, metadata_json, create_time, update_time, "
    "content_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) ON CONFLICT DO NOTHING"
)
# Rows are numbered upwards from the largest that is there, so the new ones are those beyond it.
_COUNT: Final = (
    "UPDATE datasets SET example_count = example_count + fresh.count "
    "FROM (SELECT domain, count(*) AS count FROM examples WHERE rowid > ? GROUP BY domain) AS fresh "
    "WHERE datasets.domain = fresh.domain"
)
_APPEND: Final = (
    "INSERT INTO changes (sequence, kind, example_id, domain) "
    "SELECT ? + row_number() OVER (ORDER BY rowid), 'created', id, domain FROM examples WHERE rowid > ?"
)
_PROGRESS: Final = (
    "SELECT next_row, added, duplicates, rejected, finished, update_time FROM imports WHERE request_id = ?"
)
_ADVANCE: Final = (
    "INSERT INTO imports (request_id, next_row, added, duplicates, rejected, finished, update_time) "
    "VALUES (?, ?, ?, ?, ?, 0, ?) "
    "ON CONFLICT (request_id) DO UPDATE SET next_row = excluded.next_row, "
    "added = added + excluded.added, duplicates = duplicates + excluded.duplicates, "
    "rejected = rejected + excluded.rejected, update_time = excluded.update_time"
)


class SqliteImports:
    """ports.Imports on an open SqliteDatabase, which the bank closes."""

    def __init__(self, database: SqliteDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal

    async def progress(self, request_id: str) -> ImportProgress:
        """See ports.Imports."""
        return await self._database.read(lambda connection: _progress(connection, request_id))

    async def store(self, chunk: ImportChunk, now: float) -> ChunkOutcome:
        """See ports.Imports."""

        def work(connection: sqlite3.Connection) -> tuple[ChunkOutcome, int]:
            return _store_chunk(connection, chunk, now), rows.head(connection)

        outcome, head = await self._database.write(work)
        self._signal.advance(head)
        return outcome

    async def finish(self, request_id: str, now: float) -> None:
        """See ports.Imports."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO imports (request_id, next_row, added, duplicates, rejected, finished, "
                "update_time) VALUES (?, 0, 0, 0, 0, 1, ?) "
                "ON CONFLICT (request_id) DO UPDATE SET finished = 1",
                (request_id, now),
            )

        await self._database.write(work)

    async def refusals(self, request_id: str) -> list[Refusal]:
        """See ports.Imports."""

        def work(connection: sqlite3.Connection) -> list[Refusal]:
            found = connection.execute(
                "SELECT origin, reason FROM import_rejections WHERE request_id = ? ORDER BY row_number",
                (request_id,),
            )
            return [Refusal(*row) for row in found]

        return await self._database.read(work)

    async def forget(self, before: float) -> None:
        """See ports.Imports."""
        await self._database.write(
            lambda connection: connection.execute("DELETE FROM imports WHERE update_time < ?", (before,))
        )


def _store_chunk(connection: sqlite3.Connection, chunk: ImportChunk, now: float) -> ChunkOutcome:
    before = _progress(connection, chunk.request_id) if chunk.request_id else None
    if before is not None:
        if chunk.first_row > before.next_row:
            raise ImportGap(f"Row {before.next_row} is the next one of this import.")
        chunk = chunk.after(before.next_row)
    added = _store(connection, chunk.examples())
    refusals = chunk.refusals()
    outcome = ChunkOutcome(added, len(chunk.rows) - added - len(refusals), len(refusals))
    if before is not None and chunk.rows:
        _advance(connection, chunk, outcome, before.rejected, now)
    return outcome


def _progress(connection: sqlite3.Connection, request_id: str) -> ImportProgress:
    row = connection.execute(_PROGRESS, (request_id,)).fetchone()
    if row is None:
        return ImportProgress()
    next_row, added, duplicates, rejected, finished, update_time = row
    return ImportProgress(next_row, added, duplicates, rejected, bool(finished), update_time)


def _store(connection: sqlite3.Connection, examples: Sequence[Example]) -> int:
    """Stores what is new, counts it into its datasets and tells it in the feed; returns how many."""
    first: dict[str, float] = {}
    for new in examples:
        first[new.domain] = min(first.get(new.domain, new.create_time), new.create_time)
    connection.executemany(
        "INSERT INTO datasets (domain, description, create_time, update_time) VALUES (?1, '', ?2, ?2) "
        "ON CONFLICT DO NOTHING",
        first.items(),
    )
    (last,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM examples").fetchone()
    connection.executemany(
        _EXAMPLES,
        (
            (
                new.id,
                new.domain,
                new.prompt,
                new.response,
                new.metadata_json,
                new.create_time,
                digest_of(new),
            )
            for new in examples
        ),
    )
    connection.execute(_COUNT, (last,))
    return connection.execute(_APPEND, (rows.head(connection), last)).rowcount


def _advance(
    connection: sqlite3.Connection, chunk: ImportChunk, outcome: ChunkOutcome, rejected: int, now: float
) -> None:
    counts = (outcome.added, outcome.duplicates, outcome.rejected)
    connection.execute(_ADVANCE, (chunk.request_id, chunk.end, *counts, now))
    connection.executemany(
        "INSERT INTO import_rejections (request_id, row_number, origin, reason) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        [
            (chunk.request_id, number, each.origin, each.reason)
            for number, each in chunk.refusals()[: max(0, MAX_REFUSALS - rejected)]
        ],
    )
