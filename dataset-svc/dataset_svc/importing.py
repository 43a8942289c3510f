"""Imports: rows stream in, whole chunks are stored, and what is refused is told with its reason.

Nothing of an import is kept but its current chunk, so a file of any size takes the same memory. One that
broke off is repeated from the start: what is stored already is found by its content and not stored again.
"""

from collections.abc import AsyncIterator, Callable, Sequence

from dataset_svc.follower import Follower
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.model import Example, ImportReport, ImportRow
from dataset_svc.ports import Bank
from dataset_svc.rules import checked_domain, checked_metadata, checked_prompt, checked_response
from servicekit.errors import InvalidArgument

CHUNK_ROWS = 1_000
# Long examples make smaller chunks: 1,000 of the longest would be 300 MB.
CHUNK_CHARACTERS = 8_000_000
MAX_REJECTIONS = 1_000


class ImportService:
    """The use-case of ImportExamples."""

    def __init__(
        self,
        bank: Bank,
        follower: Follower,
        metrics: DatasetMetrics,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._bank = bank
        self._follower = follower
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id

    async def run(self, batches: AsyncIterator[Sequence[ImportRow]]) -> ImportReport:
        """Store the rows and count them; what was added can be found when this returns.

        Raises StoreUnavailable when a chunk cannot be stored; the chunks before it are.
        """
        importing = _Import(self._bank, self._metrics, clock=self._clock, new_id=self._new_id)
        report = await importing.run(batches)
        if report.added:
            await self._follower.catch_up()
        return report


class _Import:
    """One import on its way."""

    def __init__(
        self,
        bank: Bank,
        metrics: DatasetMetrics,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._bank = bank
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id
        self._report = ImportReport()
        self._chunk: list[Example] = []
        self._characters = 0

    async def run(self, batches: AsyncIterator[Sequence[ImportRow]]) -> ImportReport:
        """Store all rows that may be stored, in chunks of one transaction each, and count."""
        async for rows in batches:
            for row in rows:
                self._take(row)
                if len(self._chunk) >= CHUNK_ROWS or self._characters >= CHUNK_CHARACTERS:
                    await self._store()
        await self._store()
        return self._report

    def _take(self, row: ImportRow) -> None:
        self._report.read += 1
        try:
            example = self._example(row)
        except InvalidArgument as refusal:
            self._report.rejected += 1
            self._metrics.imported.labels("rejected").inc()
            if len(self._report.rejections) < MAX_REJECTIONS:
                self._report.rejections.append((row.origin, refusal.message))
            return
        self._chunk.append(example)
        self._characters += len(example.prompt) + len(example.response) + len(example.metadata_json)

    def _example(self, row: ImportRow) -> Example:
        now = self._clock()
        return Example(
            id=self._new_id(),
            domain=checked_domain(row.domain),
            prompt=checked_prompt(row.prompt),
            response=checked_response(row.response),
            metadata_json=checked_metadata(row.metadata_json),
            create_time=now,
            update_time=now,
        )

    async def _store(self) -> None:
        chunk, self._chunk, self._characters = self._chunk, [], 0
        if not chunk:
            return
        outcome = await self._bank.insert_examples(chunk)
        duplicates = sum(insertion.duplicate for insertion in outcome.insertions)
        self._report.duplicates += duplicates
        self._report.added += len(chunk) - duplicates
        self._metrics.imported.labels("duplicate").inc(duplicates)
        self._metrics.imported.labels("added").inc(len(chunk) - duplicates)
