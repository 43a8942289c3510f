"""The bank in one SQLite file; see `sqlite_database` for threads and durability."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

from dataset_svc import sqlite_rows as rows
from dataset_svc.batches import candidates, check_deletable, sort_out
from dataset_svc.errors import DatasetExists, ResyncRequired
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
from dataset_svc.sqlite_database import SqliteDatabase

_SNAPSHOT_ROWS: Final = 1_000


class SqliteBank:
    """ports.Bank on an open SqliteDatabase, which `close` closes; `signal` tells that its feed grew."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self.signal = FeedSignal()

    async def list_datasets(self, after_domain: str, limit: int) -> list[Dataset]:
        """See ports.Bank."""
        return await self._database.read(lambda connection: rows.datasets(connection, after_domain, limit))

    async def get_dataset(self, domain: str) -> Dataset:
        """See ports.Bank."""
        return await self._database.read(lambda connection: rows.dataset(connection, domain))

    async def create_dataset(self, dataset: Dataset) -> Dataset:
        """See ports.Bank."""
        if not await self._database.write(lambda connection: rows.add_dataset(connection, dataset)):
            raise DatasetExists(f"The dataset {dataset.domain!r} exists already.")
        return replace(dataset, example_count=0)

    async def update_dataset(self, domain: str, edit: DatasetEdit, now: float) -> Dataset:
        """See ports.Bank."""

        def work(connection: sqlite3.Connection) -> tuple[Dataset, int]:
            before = rows.dataset(connection, domain)
            rows.change_dataset(connection, domain, edit, now)
            if edit.analyser not in {None, before.analyser}:
                rows.append_domain(connection, ChangeKind.UPDATED, domain)
            return rows.dataset(connection, domain), rows.head(connection)

        dataset, head = await self._database.write(work)
        self.signal.advance(head)
        return dataset

    async def delete_dataset(self, domain: str, *, force: bool) -> int:
        """See ports.Bank."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            there = rows.dataset(connection, domain)
            check_deletable(there, force=force)
            rows.remove_dataset(connection, domain)
            return there.example_count, rows.head(connection)

        held, head = await self._database.write(work)
        self.signal.advance(head)
        return held

    async def insert_examples(self, examples: Sequence[Example]) -> InsertOutcome:
        """See ports.Bank."""

        def work(connection: sqlite3.Connection) -> tuple[InsertOutcome, int]:
            batch = candidates(examples)
            fresh, insertions = sort_out(
                batch, rows.taken_ids(connection, batch), rows.taken_contents(connection, batch)
            )
            rows.store(connection, fresh)
            return InsertOutcome(insertions), rows.head(connection)

        outcome, head = await self._database.write(work)
        self.signal.advance(head)
        return outcome

    async def get_example(self, example_id: str) -> Example:
        """See ports.Bank."""
        return await self._database.read(lambda connection: rows.example(connection, example_id))

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

        def work(connection: sqlite3.Connection) -> tuple[Example, int]:
            old = rows.example(connection, example_id)
            new = old.edited(prompt, response, metadata_json, now)
            if new is not old:
                rows.rewrite(connection, new)
            return new, rows.head(connection)

        example, head = await self._database.write(work)
        self.signal.advance(head)
        return EditOutcome(example)

    async def delete_example(self, example_id: str) -> Durability:
        """See ports.Bank."""

        def work(connection: sqlite3.Connection) -> int:
            rows.remove(connection, rows.example(connection, example_id))
            return rows.head(connection)

        self.signal.advance(await self._database.write(work))
        return Durability.COMMITTED

    async def changes_after(self, sequence: int, limit: int) -> list[Change]:
        """See ports.Bank."""
        changes, head = await self._database.read(
            lambda connection: (rows.changes(connection, sequence, limit), rows.head(connection))
        )
        if sequence > head or (changes and changes[0].sequence != sequence + 1):
            self.signal.restart(head)
            raise ResyncRequired(f"The change feed does not continue after {sequence}; take a snapshot.")
        return changes

    async def head_sequence(self) -> int:
        """See ports.Bank."""
        return await self._database.read(rows.head)

    async def wait_for_change(self, after_sequence: int, timeout_seconds: float) -> None:
        """See ports.Bank; the poll beneath sees what another process has written to the file."""
        await self.signal.wait(after_sequence, timeout_seconds)

    async def snapshot(self) -> AsyncIterator[tuple[int, list[Example]]]:
        """See ports.Bank; the file keeps the old state until the iterator ends or is closed."""
        async with self._database.session() as session:
            head = await session.run(rows.head)
            cursor = await session.run(rows.all_examples)
            batch = await session.run(lambda _: cursor.fetchmany(_SNAPSHOT_ROWS))
            yield head, [rows.example_of(row) for row in batch]
            while batch := await session.run(lambda _: cursor.fetchmany(_SNAPSHOT_ROWS)):
                yield head, [rows.example_of(row) for row in batch]

    async def counts(self) -> StoreCounts:
        """See ports.Bank."""
        return await self._database.read(rows.counts)

    async def ping(self) -> None:
        """See ports.Bank."""
        await self._database.read(rows.head)

    async def close(self) -> None:
        """See ports.Bank."""
        await self._database.close()
