"""Imports in the bank's PostgreSQL: COPY into a staging table, and one transaction a chunk.

The staging table is the connection's own and emptied by each commit. From it one statement stores what is
new, counts it into its datasets and continues the change feed.
"""

from typing import Final

from dataset_svc import postgres_feed as feed
from dataset_svc.batches import digest_of
from dataset_svc.errors import ImportGap
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.model import ChunkOutcome, Example, ImportChunk, ImportProgress, Refusal
from dataset_svc.ports import MAX_REFUSALS
from dataset_svc.postgres_database import Connection, PostgresDatabase

_STAGE: Final = (
    "CREATE TEMP TABLE IF NOT EXISTS import_staging ("
    'id text COLLATE "C", domain text COLLATE "C", prompt text, response text, metadata_json text, '
    "create_time float8, content_hash bytea) ON COMMIT DELETE ROWS"
)
_COPY: Final = "COPY import_staging FROM STDIN (FORMAT BINARY)"
_COPY_TYPES: Final = ("text", "text", "text", "text", "text", "float8", "bytea")
_DATASETS: Final = (
    "INSERT INTO datasets (domain, description, create_time, update_time) "
    "SELECT domain, '', min(create_time), min(create_time) FROM import_staging GROUP BY domain "
    "ON CONFLICT DO NOTHING"
)
_EXAMPLES: Final = (
    "WITH stored AS ("
    "INSERT INTO examples (id, domain, prompt, response, metadata_json, create_time, update_time, "
    "content_hash) SELECT id, domain, prompt, response, metadata_json, create_time, create_time, "
    "content_hash FROM import_staging ORDER BY id ON CONFLICT DO NOTHING RETURNING id, domain), "
    "counted AS (UPDATE datasets d SET example_count = d.example_count + fresh.count "
    "FROM (SELECT domain, count(*) AS count FROM stored GROUP BY domain) AS fresh "
    "WHERE d.domain = fresh.domain), "
    "appended AS (INSERT INTO changes (sequence, kind, example_id, domain) "
    "SELECT (SELECT coalesce(max(sequence), 0) FROM changes) + row_number() OVER (ORDER BY id), "
    "'created', id, domain FROM stored RETURNING sequence) "
    "SELECT count(*), max(sequence) FROM appended"
)
_PROGRESS: Final = (
    "SELECT next_row, added, duplicates, rejected, finished, update_time FROM imports WHERE request_id = %s"
)
_ADVANCE: Final = (
    "INSERT INTO imports (request_id, next_row, added, duplicates, rejected, finished, update_time) "
    "VALUES (%(id)s, %(next)s, %(added)s, %(duplicates)s, %(rejected)s, false, %(now)s) "
    "ON CONFLICT (request_id) DO UPDATE SET next_row = excluded.next_row, "
    "added = imports.added + excluded.added, duplicates = imports.duplicates + excluded.duplicates, "
    "rejected = imports.rejected + excluded.rejected, update_time = excluded.update_time"
)
_REFUSE: Final = (
    "INSERT INTO import_rejections (request_id, row_number, origin, reason) "
    "SELECT %s, * FROM unnest(%s::bigint[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING"
)


class PostgresImports:
    """ports.Imports on an open PostgresDatabase, which the bank closes."""

    def __init__(self, database: PostgresDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal

    async def progress(self, request_id: str) -> ImportProgress:
        """See ports.Imports."""
        async with self._database.connection() as connection:
            return await _progress(connection, request_id)

    async def store(self, chunk: ImportChunk, now: float) -> ChunkOutcome:
        """See ports.Imports."""
        async with self._database.transaction() as connection:
            # Whoever writes examples holds this lock, so no other stream of the import moves meanwhile.
            await feed.lock(connection)
            before = await _progress(connection, chunk.request_id) if chunk.request_id else None
            if before is not None:
                if chunk.first_row > before.next_row:
                    raise ImportGap(f"Row {before.next_row} is the next one of this import.")
                chunk = chunk.after(before.next_row)
            added, head = await _store(connection, chunk.examples())
            refusals = chunk.refusals()
            outcome = ChunkOutcome(added, len(chunk.rows) - added - len(refusals), len(refusals))
            if before is not None and chunk.rows:
                await _advance(connection, chunk, outcome, before.rejected, now)
        self._signal.advance(head)
        return outcome

    async def finish(self, request_id: str, now: float) -> None:
        """See ports.Imports."""
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO imports (request_id, next_row, added, duplicates, rejected, finished, "
                "update_time) VALUES (%s, 0, 0, 0, 0, true, %s) "
                "ON CONFLICT (request_id) DO UPDATE SET finished = true",
                (request_id, now),
            )

    async def refusals(self, request_id: str) -> list[Refusal]:
        """See ports.Imports."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT origin, reason FROM import_rejections WHERE request_id = %s ORDER BY row_number",
                (request_id,),
            )
            return [Refusal(*row) for row in await cursor.fetchall()]

    async def forget(self, before: float) -> None:
        """See ports.Imports."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM imports WHERE update_time < %s", (before,))


async def _progress(connection: Connection, request_id: str) -> ImportProgress:
    row = await (await connection.execute(_PROGRESS, (request_id,))).fetchone()
    return ImportProgress(*row) if row else ImportProgress()


async def _store(connection: Connection, examples: list[Example]) -> tuple[int, int]:
    """Stores what is new; returns how many, and the head of the feed or 0."""
    if not examples:
        return 0, 0
    await connection.execute(_STAGE)
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_COPY_TYPES)
        for new in examples:
            await copy.write_row(
                (
                    new.id,
                    new.domain,
                    new.prompt,
                    new.response,
                    new.metadata_json,
                    new.create_time,
                    digest_of(new),
                )
            )
    await connection.execute(_DATASETS)
    row = await (await connection.execute(_EXAMPLES)).fetchone()
    added, head = row or (0, None)
    if head is not None:
        await feed.tell(connection, head)
    return added, head or 0


async def _advance(
    connection: Connection, chunk: ImportChunk, outcome: ChunkOutcome, rejected: int, now: float
) -> None:
    await connection.execute(
        _ADVANCE,
        {
            "id": chunk.request_id,
            "next": chunk.end,
            "added": outcome.added,
            "duplicates": outcome.duplicates,
            "rejected": outcome.rejected,
            "now": now,
        },
    )
    refused = chunk.refusals()[: max(0, MAX_REFUSALS - rejected)]
    if refused:
        await connection.execute(
            _REFUSE,
            (
                chunk.request_id,
                [number for number, _ in refused],
                [each.origin for _, each in refused],
                [each.reason for _, each in refused],
            ),
        )
