"""The change feed in PostgreSQL: ordered at commit, free of gaps, and told across replicas.

A sequence drawn from a PostgreSQL sequence is not ordered at commit: writer A draws 1, B draws 2 and
commits, a reader sees 2 and goes on from there, A commits 1, and nobody ever reads it. So each
transaction that writes examples takes one advisory lock first and holds it to its end. It numbers its
changes after the newest that is committed: the lock is let go only when the commit is visible, thus the
next holder sees it, a smaller number never appears after a larger one, and a rollback leaves no gap.
The price is that such transactions commit one after another; in batches of a thousand that is nothing.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from dataset_svc.errors import StoreUnavailable
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.model import Change, ChangeKind, Example
from dataset_svc.postgres_database import Connection, PostgresDatabase
from dataset_svc.postgres_rows import example_of
from servicekit.background import ended

_FEED_LOCK: Final = 0x6D63_6169_0002
_CHANNEL: Final = "mcai_bank_changes"
_RETRY_SECONDS: Final = 0.5

_APPEND: Final = (
    "WITH appended AS ("
    "INSERT INTO changes (sequence, kind, example_id, domain) "
    "SELECT (SELECT coalesce(max(sequence), 0) FROM changes) + n, %s, id, domain "
    "FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS input (id, domain, n) "
    "RETURNING sequence), "
    "grown AS (SELECT max(sequence) AS head FROM appended) "
    "SELECT head, pg_notify(%s, head::text) FROM grown"
)
_APPEND_DATASET: Final = (
    "WITH appended AS ("
    "INSERT INTO changes (sequence, kind, example_id, domain) "
    "SELECT (SELECT coalesce(max(sequence), 0) FROM changes) + row_number() OVER (), %s, id, domain "
    "FROM examples WHERE domain = %s "
    "RETURNING sequence), "
    "grown AS (SELECT max(sequence) AS head FROM appended) "
    "SELECT head, pg_notify(%s, head::text) FROM grown WHERE head IS NOT NULL"
)
_CHANGES: Final = (
    "SELECT c.sequence, c.kind, c.example_id, c.domain, e.id, e.domain, e.prompt, e.response, "
    "e.metadata_json, e.create_time, e.update_time, d.analyser FROM changes c "
    "LEFT JOIN examples e ON e.id = c.example_id LEFT JOIN datasets d ON d.domain = e.domain "
    "WHERE c.sequence > %s ORDER BY c.sequence LIMIT %s"
)


async def lock(connection: Connection) -> None:
    """Takes the feed's lock until the transaction ends; the first statement of whatever writes examples."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_FEED_LOCK,))


async def append(connection: Connection, kind: ChangeKind, examples: Sequence[Example]) -> int:
    """Continues the feed under its lock, at least by one; returns its head, which is told at the commit."""
    return await append_ids(connection, kind, [(each.id, each.domain) for each in examples])


async def append_ids(connection: Connection, kind: ChangeKind, keys: Sequence[tuple[Any, ...]]) -> int:
    """As `append`, by id and domain."""
    ids, domains = [key[0] for key in keys], [key[1] for key in keys]
    cursor = await connection.execute(_APPEND, (kind.value, ids, domains, _CHANNEL))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def append_domain(connection: Connection, kind: ChangeKind, domain: str) -> int:
    """Continues the feed by a change of every example of a domain; returns its head, 0 if none was."""
    cursor = await connection.execute(_APPEND_DATASET, (kind.value, domain, _CHANNEL))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def removed_at(connection: Connection, example_id: str) -> float | None:
    """When an example was last removed, by the database's clock (UTC seconds); None if it never was."""
    cursor = await connection.execute(
        "SELECT max(create_time) FROM changes WHERE example_id = %s AND kind = 'deleted'", (example_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def tell(connection: Connection, sequence: int) -> None:
    """Tells who listens that the feed has reached `sequence`, when the transaction commits."""
    await connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, str(sequence)))


async def head(connection: Connection) -> int:
    """Sequence of the newest change; the newest row is never pruned, so the next one is always known."""
    cursor = await connection.execute("SELECT coalesce(max(sequence), 0) FROM changes")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def read(connection: Connection, after: int, limit: int) -> list[Change]:
    """The feed after a sequence, each change with the newest state of its example."""
    cursor = await connection.execute(_CHANGES, (after, limit))
    return [
        Change(row[0], ChangeKind(row[1]), row[2], row[3], None if row[4] is None else example_of(row[4:]))
        for row in await cursor.fetchall()
    ]


class ChangeListener:
    """Hears of commits of all replicas on a connection of its own, and tries anew when it is lost."""

    def __init__(self, database: PostgresDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to listen, if it has not begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends it."""
        if self._task is not None:
            await ended(self._task)
            self._task = None

    async def _run(self) -> None:
        while True:
            # The poll of FeedSignal covers what is said in between.
            with contextlib.suppress(StoreUnavailable):
                await self._listen()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        async with self._database.session() as connection:
            await connection.execute(f"LISTEN {_CHANNEL}")
            async for notification in connection.notifies():
                self._signal.advance(int(notification.payload))
