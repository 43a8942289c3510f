"""The bank in PostgreSQL; see `postgres_database` for its time limits and `postgres_feed` for the feed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, Final

from psycopg import AsyncServerCursor

from dataset_svc import postgres_feed as feed
from dataset_svc import postgres_rows as rows
from dataset_svc.batches import candidates, check_deletable, sort_out
from dataset_svc.errors import DatasetExists, ExampleExists, ResyncRequired
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.model import (
    Change,
    ChangeKind,
    Dataset,
    DatasetEdit,
    Durability,
    EditOutcome,
    Example,
    InsertOutcome,
    StoreCounts,
)
from dataset_svc.postgres_database import PostgresDatabase

_SNAPSHOT_ROWS: Final = 1_000
_HASHED_IN_LOOP: Final = 8


class PostgresBank:
    """ports.Bank on an open PostgresDatabase, which `close` closes; `signal` tells that its feed grew."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self.signal = FeedSignal()
        self._listener = feed.ChangeListener(database, self.signal)

    async def list_datasets(self, after_domain: str, limit: int) -> list[Dataset]:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            return await rows.datasets(connection, after_domain, limit)

    async def get_dataset(self, domain: str) -> Dataset:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            return await rows.dataset(connection, domain)

    async def create_dataset(self, dataset: Dataset) -> Dataset:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            if not await rows.add_dataset(connection, dataset):
                raise DatasetExists(f"The dataset {dataset.domain!r} exists already.")
        return replace(dataset, example_count=0)

    async def update_dataset(self, domain: str, edit: DatasetEdit, now: float) -> Dataset:
        """See ports.Bank."""
        head = 0
        async with self._database.bulk_transaction() as connection:
            await feed.lock(connection)
            before = await rows.dataset(connection, domain)
            await rows.change_dataset(connection, domain, edit, now)
            if edit.analyser not in {None, before.analyser}:
                head = await feed.append_domain(connection, ChangeKind.UPDATED, domain)
            after = await rows.dataset(connection, domain)
        self.signal.advance(head)
        return after

    async def delete_dataset(self, domain: str, *, force: bool) -> int:
        """See ports.Bank."""
        async with self._database.bulk_transaction() as connection:
            await feed.lock(connection)
            there = await rows.dataset(connection, domain)
            check_deletable(there, force=force)
            head = await feed.append_domain(connection, ChangeKind.DELETED, domain)
            await rows.remove_dataset(connection, domain)
        self.signal.advance(head)
        return there.example_count

    async def insert_examples(self, examples: Sequence[Example]) -> InsertOutcome:
        """See ports.Bank."""
        if len(examples) <= _HASHED_IN_LOOP:
            batch = candidates(examples)
        else:
            batch = await asyncio.to_thread(candidates, examples)
        head = 0
        async with self._database.transaction() as connection:
            await feed.lock(connection)
            fresh, insertions = sort_out(
                batch, await rows.taken_ids(connection, batch), await rows.taken_contents(connection, batch)
            )
            if fresh:
                await rows.store(connection, fresh)
                head = await feed.append(connection, ChangeKind.CREATED, [each.example for each in fresh])
        self.signal.advance(head)
        return InsertOutcome(insertions)

    async def get_example(self, example_id: str) -> Example:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            return await rows.example(connection, example_id)

    async def update_example(
        self,
        example_id: str,
        *,
        prompt: str | None,
        response: str | None,
        metadata_json: str | None,
        now: float,
    ) -> EditOutcome:
        """See ports.Bank."""
        async with self._database.transaction() as connection:
            await feed.lock(connection)
            old = await rows.example(connection, example_id)
            new = old.edited(prompt, response, metadata_json, now)
            if new is old:
                return EditOutcome(old)
            if not await rows.rewrite(connection, candidates([new])[0]):
                raise ExampleExists(f"Another example of {new.domain!r} has this content already.")
            head = await feed.append(connection, ChangeKind.UPDATED, [new])
        self.signal.advance(head)
        return EditOutcome(new)

    async def delete_example(self, example_id: str) -> Durability:
        """See ports.Bank."""
        async with self._database.transaction() as connection:
            await feed.lock(connection)
            gone = await rows.example(connection, example_id)
            await rows.remove(connection, gone)
            head = await feed.append(connection, ChangeKind.DELETED, [gone])
        self.signal.advance(head)
        return Durability.COMMITTED

    async def changes_after(self, sequence: int, limit: int) -> list[Change]:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            changes = await feed.read(connection, sequence, limit)
            if changes and changes[0].sequence == sequence + 1:
                return changes
            # The head is asked for last: what is committed in between shows as a feed that has grown.
            head = await feed.head(connection)
        if sequence > head or changes:
            self.signal.restart(head)
            raise ResyncRequired(f"The change feed does not continue after {sequence}; take a snapshot.")
        return []

    async def head_sequence(self) -> int:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            return await feed.head(connection)

    async def wait_for_change(self, after_sequence: int, timeout_seconds: float) -> None:
        """See ports.Bank; a notification wakes it, and the poll beneath covers a lost one."""
        self._listener.start()
        await self.signal.wait(after_sequence, timeout_seconds)

    async def snapshot(self) -> AsyncIterator[tuple[int, list[Example]]]:
        """See ports.Bank; the server keeps the old state until the iterator ends or is closed."""
        async with (
            self._database.session() as connection,
            connection.transaction(),
            connection.cursor(name="snapshot") as cursor,
        ):
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Building an index takes its time between two batches.
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            head = await feed.head(connection)
            await cursor.execute(rows.SNAPSHOT)
            batch = await self._fetch(cursor)
            yield head, batch
            while batch := await self._fetch(cursor):
                yield head, batch

    async def _fetch(self, cursor: AsyncServerCursor[tuple[Any, ...]]) -> list[Example]:
        async with asyncio.timeout(self._database.limits.call_seconds):
            return [rows.example_of(row) for row in await cursor.fetchmany(_SNAPSHOT_ROWS)]

    async def counts(self) -> StoreCounts:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            return await rows.counts(connection)

    async def ping(self) -> None:
        """See ports.Bank."""
        async with self._database.connection() as connection:
            await feed.head(connection)

    async def close(self) -> None:
        """See ports.Bank."""
        await self._listener.stop()
        await self._database.close()
