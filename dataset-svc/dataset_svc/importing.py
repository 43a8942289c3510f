"""Imports: rows stream in, whole chunks are stored, and what is refused is told with its reason.

Nothing of an import is held but the chunk that fills and the one that is being stored, so a file of any
size takes the same memory. One that broke off goes on where it stood; see ImportHeader in the contract.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from dataset_svc.errors import ImportGap
from dataset_svc.follower import Follower
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.model import (
    ChunkOutcome,
    Example,
    ImportChunk,
    ImportOpening,
    ImportProgress,
    ImportReport,
    ImportRow,
    Refusal,
)
from dataset_svc.ports import MAX_REFUSALS, Imports
from dataset_svc.rules import (
    checked_domain,
    checked_identifier,
    checked_metadata,
    checked_prompt,
    checked_response,
)
from servicekit.errors import InvalidArgument

CHUNK_ROWS = 2_000
# Long examples make smaller chunks: 2,000 of the longest would be 600 MB.
CHUNK_CHARACTERS = 4_000_000
KEPT_SECONDS = 7 * 24 * 3600.0


class ImportService:
    """The use-cases of ImportExamples and GetImport."""

    def __init__(
        self,
        imports: Imports,
        follower: Follower,
        metrics: DatasetMetrics,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._imports = imports
        self._follower = follower
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id

    async def progress(self, request_id: str) -> ImportProgress:
        """How far an import has come; an unknown one has not begun."""
        return await self._imports.progress(checked_identifier("request_id", request_id))

    async def run(self, opening: ImportOpening, batches: AsyncIterator[Sequence[ImportRow]]) -> ImportReport:
        """Store the rows and count them; what was added can be found when this returns.

        Raises ImportGap when the stream begins beyond the rows that are settled, and StoreUnavailable when
        a chunk cannot be stored; the chunks before it are.
        """
        checked_identifier("request_id", opening.request_id, required=False)
        if opening.first_row < 0:
            raise InvalidArgument("first_row must not be negative.", metadata={"field": "first_row"})
        if opening.default_domain:
            checked_domain(opening.default_domain)
        await self._check_position(opening)
        stream = _Stream(opening, self._imports, self._metrics, clock=self._clock, new_id=self._new_id)
        report = await stream.run(batches)
        if report.added:
            await self._follower.catch_up()
        return await self._whole(opening.request_id) if opening.request_id else report

    async def _check_position(self, opening: ImportOpening) -> None:
        settled = await self._imports.progress(opening.request_id) if opening.request_id else ImportProgress()
        if opening.first_row > settled.next_row:
            raise ImportGap(
                f"first_row is {opening.first_row}; row {settled.next_row} is the next of this import.",
                metadata={"next_row": str(settled.next_row)},
            )

    async def _whole(self, request_id: str) -> ImportReport:
        now = self._clock()
        await self._imports.finish(request_id, now)
        # Whoever imports pays for the clearing, once each.
        await self._imports.forget(now - KEPT_SECONDS)
        progress = await self._imports.progress(request_id)
        return ImportReport(
            added=progress.added,
            duplicates=progress.duplicates,
            rejected=progress.rejected,
            rejections=await self._imports.refusals(request_id) if progress.rejected else [],
        )


class _Stream:
    """One stream of an import on its way: while a chunk is stored, the next one fills."""

    def __init__(
        self,
        opening: ImportOpening,
        imports: Imports,
        metrics: DatasetMetrics,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._request_id = opening.request_id
        self._next_row = opening.first_row
        self._imports = imports
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id
        self._report = ImportReport()
        self._rows: list[Example | Refusal] = []
        self._characters = 0
        self._storing: asyncio.Task[ChunkOutcome] | None = None

    async def run(self, batches: AsyncIterator[Sequence[ImportRow]]) -> ImportReport:
        """Store all rows that may be stored, a chunk a transaction, and count what this stream settled."""
        try:
            async for rows in batches:
                now = self._clock()
                for row in rows:
                    self._take(row, now)
                    if len(self._rows) >= CHUNK_ROWS or self._characters >= CHUNK_CHARACTERS:
                        await self._store()
            await self._store()
            await self._settled()
        finally:
            if self._storing is not None:
                # The caller is gone or the rows are out of form: a chunk is stored whole or not at all.
                self._storing.cancel()
                await asyncio.gather(self._storing, return_exceptions=True)
        return self._report

    def _take(self, row: ImportRow, now: float) -> None:
        try:
            example = self._example(row, now)
        except InvalidArgument as refusal:
            self._rows.append(Refusal(row.origin, refusal.message))
            if len(self._report.rejections) < MAX_REFUSALS:
                self._report.rejections.append(Refusal(row.origin, refusal.message))
            return
        self._rows.append(example)
        self._characters += len(row.prompt) + len(row.response) + len(row.metadata_json)

    def _example(self, row: ImportRow, now: float) -> Example:
        if row.problem:
            raise InvalidArgument(row.problem)
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
        """Begin to store the chunk, when the one before it is settled."""
        await self._settled()
        if self._rows:
            chunk = ImportChunk(self._request_id, self._next_row, self._rows)
            self._rows, self._characters, self._next_row = [], 0, chunk.end
            self._storing = asyncio.create_task(self._imports.store(chunk, self._clock()))

    async def _settled(self) -> None:
        if self._storing is None:
            return
        outcome = await self._storing
        self._storing = None
        self._report.added += outcome.added
        self._report.duplicates += outcome.duplicates
        self._report.rejected += outcome.rejected
        self._metrics.imported.labels("added").inc(outcome.added)
        self._metrics.imported.labels("duplicate").inc(outcome.duplicates)
        self._metrics.imported.labels("rejected").inc(outcome.rejected)
