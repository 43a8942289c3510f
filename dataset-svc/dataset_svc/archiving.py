"""The archive's use-cases, and the rotation that keeps each dataset to its rules."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from dataset_svc.follower import Follower
from dataset_svc.message_size import example_bytes, messages
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.model import Example, Moved
from dataset_svc.ports import Archive
from dataset_svc.rules import checked_domain, checked_identifier
from servicekit.errors import InvalidArgument, ServiceError
from servicekit.logs import get_logger
from servicekit.pages import clamp_page_size, encode_token, keyset_position

MAX_IDS = 1_000
BATCH_EXAMPLES = 1_000
EXAMPLE_ROWS, MAX_EXAMPLE_ROWS = 50, 500

_log = get_logger(__name__)


class ArchiveService:
    """ArchiveExamples, RestoreExamples and the list of what is archived."""

    def __init__(
        self, archive: Archive, follower: Follower, metrics: DatasetMetrics, *, clock: Callable[[], float]
    ) -> None:
        self._archive = archive
        self._follower = follower
        self._metrics = metrics
        self._clock = clock

    async def archive(self, ids: Sequence[str], domain: str) -> int:
        """Take examples out of search and keep them; returns how many. A repeated call finds none left."""
        moved = await self._all(self._archive.archive, ids, domain)
        self._metrics.archived.labels("asked").inc(moved.moved)
        return moved.moved

    async def restore(self, ids: Sequence[str], domain: str) -> Moved:
        """Bring archived examples back; what the bank has under another id by now stays archived."""
        return await self._all(self._archive.restore, ids, domain)

    async def list(self, domain: str, page_size: int, page_token: str) -> tuple["list[Example]", str]:
        """A page of archived examples in order of id, and the token of the next."""
        limit = clamp_page_size(page_size, EXAMPLE_ROWS, MAX_EXAMPLE_ROWS)
        after = keyset_position(page_token, "archived_id")
        rows = await self._archive.list_archived(domain, after, limit + 1)
        page = next(messages(rows[:limit], example_bytes), [])
        return page, encode_token({"archived_id": page[-1].id}) if len(page) < len(rows) else ""

    async def _all(
        self,
        step: Callable[[Sequence[str] | None, str, str, int, float], Awaitable[Moved]],
        ids: Sequence[str],
        domain: str,
    ) -> Moved:
        """Take step after step, each a transaction, until nothing is left."""
        if not ids and not domain:
            raise InvalidArgument("Name examples by their ids, or a domain.")
        if len(ids) > MAX_IDS:
            raise InvalidArgument(f"A call may name at most {MAX_IDS:,} examples.")
        chosen = [checked_identifier("example_id", each) for each in ids] or None
        within = checked_domain(domain) if domain else ""
        moved, kept, after = 0, 0, ""
        while True:
            done = await step(chosen, within, after, BATCH_EXAMPLES, self._clock())
            moved, kept, after = moved + done.moved, kept + done.kept, done.last_id
            if not after:
                break
        if moved:
            await self._follower.catch_up()
        return Moved(moved, kept, "")


class Rotation:
    """Runs in the background as `run`, and archives what the rules of the datasets no longer keep."""

    def __init__(
        self,
        archive: Archive,
        metrics: DatasetMetrics,
        *,
        interval_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._archive = archive
        self._metrics = metrics
        self._interval_seconds = interval_seconds
        self._clock = clock

    async def run(self) -> None:
        """Look at all rules again and again; a round that fails is made up for by the next."""
        while True:
            try:
                await self.round()
            except ServiceError as error:
                _log.info("the rotation waits for the store", error=error.message)
            await asyncio.sleep(self._interval_seconds)

    async def round(self) -> None:
        """Archive, batch by batch, what the rules do not keep; said in a line of the log for each dataset."""
        for dataset in await self._archive.ruled():
            archived = 0
            while moved := await self._archive.rotate(dataset.domain, BATCH_EXAMPLES, self._clock()):
                archived += moved
                self._metrics.archived.labels("rule").inc(moved)
            if archived:
                _log.info(
                    "examples archived by rule",
                    domain=dataset.domain,
                    examples=archived,
                    retention_days=dataset.retention_days,
                    max_examples=dataset.max_examples,
                )
