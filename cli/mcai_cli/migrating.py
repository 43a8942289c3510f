"""`mcai migrate`: the examples of an old system or of another bank; planned first, verified at the end."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import msgspec
from rich.console import Console

from mcai_cli.admission import admitted
from mcai_cli.errors import BankAwayError, CommandError
from mcai_cli.importing import ImportJob, files_at
from mcai_cli.migration_plan import Contents, Plan, contents_of
from mcai_cli.ports import Bank, Dataset, Report
from mcai_cli.progress import Count, shown_count
from mcai_cli.reading.fields import PRIVATE_FIELDS
from mcai_cli.reading.model import Item, ReadingRules, Row, Skipped
from mcai_cli.targets import bank_at, data_directory, is_address, untouched_bank_at
from mcai_cli.transfer import Transfer, batched, read_ahead

SHOWN_LINES = 20


class Source(Protocol):
    """Where a migration takes its rows from; it gives the same ones each time."""

    def batches(self) -> AsyncIterator[list[Item]]:
        """All items from the first one; what the bank would refuse is rejected."""

    async def datasets(self) -> list[Dataset]:
        """The datasets and their rules, if the source has any."""

    async def send(self, bank: Bank, count: Count) -> Report:
        """Bring all rows into a bank, and count them on the way."""


class FileSource:
    """A folder of files."""

    def __init__(self, path: Path, console: Console, *, include_private: bool) -> None:
        rules = ReadingRules(include_private=include_private)
        self._console = console
        self._job = ImportJob(files_at(path), path, rules, console, None)

    async def batches(self) -> AsyncIterator[list[Item]]:
        """See Source."""
        async for batch in read_ahead(batched(self._job.items())):
            yield batch

    async def datasets(self) -> list[Dataset]:
        """Files name their domains, and no rules."""
        return []

    async def send(self, bank: Bank, count: Count) -> Report:
        """See Source; it goes on after a break."""
        listener = _Listener(self._console, count)
        return await Transfer(self._job.items, listener, uuid.uuid4().hex, clock=time.monotonic).run(bank)


class BankSource:
    """Another bank."""

    def __init__(self, bank: Bank, *, include_private: bool) -> None:
        self._bank = bank
        self._include_private = include_private

    async def batches(self) -> AsyncIterator[list[Item]]:
        """See Source."""
        for dataset in await self._bank.datasets():
            async for rows in self._bank.export(dataset.domain):
                yield [self._chosen(row) for row in rows]

    async def datasets(self) -> list[Dataset]:
        """See Source."""
        return await self._bank.datasets()

    async def send(self, bank: Bank, count: Count) -> Report:
        """See Source."""
        return await bank.add(uuid.uuid4().hex, 0, self._rows(count))

    async def _rows(self, count: Count) -> AsyncIterator[Sequence[Row]]:
        sent = 0
        async for items in self.batches():
            rows = [item for item in items if isinstance(item, Row)]
            yield rows
            sent += len(rows)
            count(sent)

    def _chosen(self, row: Row) -> Item:
        if not self._include_private and msgspec.json.decode(row.metadata_json).keys() >= PRIVATE_FIELDS:
            return Skipped(row.origin, "It is a private row of one user; --include-private takes it too.")
        return admitted(row)


class _Listener:
    """What there is to tell of the rows was told by the plan."""

    def __init__(self, console: Console, count: Count) -> None:
        self._console = console
        self._count = count

    def left_out(self, item: object) -> None:
        """See Listener."""

    def sent(self, rows: int) -> None:
        """See Listener."""
        self._count(rows)

    def broke(self, error: BankAwayError) -> None:
        """See Listener."""
        _say(self._console, [f"{error} The migration goes on from where it stands as soon as it answers."])


def migrate(source: str, to: str, *, dry_run: bool, include_private: bool) -> None:
    """Run a migration; raises CommandError when it cannot be done, or the target lacks a row at the end."""
    asyncio.run(_migrate(source, to, dry_run=dry_run, include_private=include_private))


async def _migrate(source: str, to: str, *, dry_run: bool, include_private: bool) -> None:
    console, errors = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
    async with AsyncExitStack() as stack:
        found: Source
        if is_address(source) or data_directory(Path(source)) is not None:
            found = BankSource(
                await stack.enter_async_context(bank_at(source, existing=True)),
                include_private=include_private,
            )
        else:
            found = FileSource(Path(source), errors, include_private=include_private)
        plan = await _planned(found, errors)
        _say(errors, _left_out(plan))
        if not plan.contents:
            raise CommandError(f"There is nothing to migrate in {source}.")
        async with untouched_bank_at(to) as before:
            there = await held(before, plan) if before is not None else {}
        _say(console, plan.lines(there))
        if dry_run:
            _say(console, ["Nothing was written: this was a dry run."])
            return
        _say(console, [await _moved(found, plan, to, errors)])


async def _planned(source: Source, console: Console) -> Plan:
    plan = Plan()
    with shown_count(console, "reading", None, time.monotonic) as count:
        async for batch in source.batches():
            for item in batch:
                plan.take(item)
            count(plan.row_count)
    return plan


async def _moved(source: Source, plan: Plan, to: str, console: Console) -> str:
    async with bank_at(to) as bank:
        known = {dataset.domain for dataset in await bank.datasets()}
        for dataset in await source.datasets():
            if dataset.domain not in known:
                await bank.create(dataset)
        with shown_count(console, "migrating", plan.row_count, time.monotonic) as count:
            report = await source.send(bank, count)
        if missing := plan.missing(await held(bank, plan)):
            lacking = ", ".join(f"{domain} ({count:,})" for domain, count in sorted(missing.items()))
            raise CommandError(f"The target lacks rows of the source: {lacking}. Run the same command again.")
    return (
        f"{report.added:,} added. Verified: each of the {plan.distinct:,} examples in {len(plan.contents):,} "
        "domains is in the target, by the hash of its content."
    )


async def held(bank: Bank, plan: Plan) -> Contents:
    """What a bank holds of the plan's domains."""
    there: Contents = {}
    for dataset in await bank.datasets():
        if dataset.domain in plan.contents:
            contents = there.setdefault(dataset.domain, set())
            async for rows in bank.export(dataset.domain):
                contents |= contents_of(rows)
    return there


def _left_out(plan: Plan) -> Iterator[str]:
    for name, items in (("rejected", plan.rejected), ("left out", plan.left_out)):
        for item in items[:SHOWN_LINES]:
            yield f"{name} {item.origin}: {item.reason}"
        if len(items) > SHOWN_LINES:
            yield f"and {len(items) - SHOWN_LINES:,} more {name}"


def _say(console: Console, lines: Iterator[str] | list[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
