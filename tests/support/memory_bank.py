"""The command line's Bank port in plain memory: it passes the suite of the real ones, and breaks at will."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace

from mcai_cli.errors import BankAwayError, CommandError
from mcai_cli.ports import Dataset, Report
from mcai_cli.reading.model import Rejected, Row


class MemoryBank:
    """Stores rows, equal ones once, a batch a transaction.

    Attributes:
        rows: What is stored, in order.
        breaks: Before how many batches of each next stream the connection breaks off.
        away: How many calls find nobody after each break.
        streams: First row and number of rows of each stream so far.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.breaks: list[int] = []
        self.away: list[int] = []
        self.streams: list[tuple[int, int]] = []
        self._datasets: dict[str, Dataset] = {}
        self._reports: dict[str, Report] = {}
        self._missing = 0

    async def next_row(self, request_id: str) -> int:
        """See Bank."""
        if self._missing:
            self._missing -= 1
            raise BankAwayError("Nobody answers.")
        return self._reports.get(request_id, Report()).read

    async def add(self, request_id: str, first_row: int, batches: AsyncIterator[Sequence[Row]]) -> Report:
        """See Bank."""
        report = self._reports.setdefault(request_id, Report())
        if first_row > report.read:
            raise CommandError(f"Row {report.read} is the next one of this import.")
        number, limit = first_row, self.breaks.pop(0) if self.breaks else None
        self.streams.append((first_row, 0))
        async for rows in batches:
            if limit is not None and len(rows) and (limit := limit - 1) < 0:
                self._missing = self.away.pop(0) if self.away else 0
                raise BankAwayError("The connection broke off.")
            self.streams[-1] = (first_row, self.streams[-1][1] + len(rows))
            for row in rows:
                if number >= report.read:
                    self._settle(row, report)
                number += 1
        return replace(report)

    def _settle(self, row: Row, report: Report) -> None:
        report.read += 1
        if not (row.prompt.strip() and row.domain):
            report.rejected += 1
            report.rejections.append(Rejected(row.origin, "prompt or domain is empty."))
        elif any(_key(each) == _key(row) for each in self.rows):
            report.duplicates += 1
        else:
            self.rows.append(replace(row, origin=f"id-{len(self.rows)}"))
            report.added += 1
            held = self._datasets.get(row.domain, Dataset(row.domain))
            self._datasets[row.domain] = replace(held, example_count=held.example_count + 1)

    async def datasets(self) -> list[Dataset]:
        """See Bank."""
        return [self._datasets[domain] for domain in sorted(self._datasets)]

    async def create(self, dataset: Dataset) -> None:
        """See Bank."""
        if dataset.domain in self._datasets:
            raise CommandError("There is a dataset of that name.")
        self._datasets[dataset.domain] = replace(dataset, example_count=0)

    async def export(self, domain: str) -> AsyncGenerator[list[Row], None]:
        """See Bank."""
        if domain not in self._datasets:
            raise CommandError("There is no dataset of that name.")
        for row in self.rows:
            if row.domain == domain:
                yield [row]


def _key(row: Row) -> tuple[str, str, str]:
    return row.domain, row.prompt, row.response
