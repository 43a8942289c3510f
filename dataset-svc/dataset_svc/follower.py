"""Follows the bank's change feed into this replica's index, and goes on when the store has been away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from dataset_svc.errors import ResyncRequired, StoreUnavailable
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.model import Change
from dataset_svc.ports import Bank, ExampleIndex
from servicekit.errors import Unavailable
from servicekit.logs import get_logger

# One commit of the index holds about this much text: a batch of long examples takes no more memory than
# one of short ones.
BATCH_CHARACTERS = 8_000_000
LEAST_BATCH, MOST_BATCH = 100, 5_000
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
WAIT_SECONDS = 1.0
# A quiet feed for this long, and the memory of writing is given back.
REST_SECONDS = 5.0

_log = get_logger(__name__)


class Follower:
    """Runs in the background as `run`; other parts may wait for what it has reached.

    `prepare` is awaited once, when the store first answers: before it has returned nothing is followed.
    """

    def __init__(
        self,
        bank: Bank,
        index: ExampleIndex,
        metrics: DatasetMetrics,
        *,
        prepare: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._bank = bank
        self._index = index
        self._metrics = metrics
        self._prepare = prepare
        self._prepared = False
        self._clock = clock
        self._batch = MOST_BATCH
        self._progress = asyncio.Condition()
        self._caught_up = False
        self._away = False
        self._written_at: float | None = None

    @property
    def ready(self) -> bool:
        """Whether the index may be read: it has caught up once, or is all there is with the store away."""
        return self._index.sequence >= 0 and (self._caught_up or self._away)

    async def check(self) -> None:
        """Return if the index may be read; raises Unavailable."""
        if not self.ready:
            raise Unavailable("The index has not caught up with the store yet.")

    @property
    def behind(self) -> bool:
        """Whether the store cannot be followed at this moment, so that the index grows stale."""
        return self._away

    async def run(self) -> None:
        """Follow for ever; a round that fails, for whatever reason, is tried again."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._step()
            except Exception as error:  # noqa: BLE001 - without the follower the replica would go stale in silence
                await self._note(away=True, error=error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS
                await self._note(away=False)

    async def first_round(self) -> None:
        """Return when the index is ready, or the store is known to be away."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._caught_up or self._away)

    async def catch_up(self) -> None:
        """Return when the index has all that the store has now, or cannot because the store is away."""
        try:
            sequence = await self._bank.head_sequence()
        except StoreUnavailable:
            return
        async with self._progress:
            await self._progress.wait_for(lambda: self._index.sequence >= sequence or self._away)

    async def _step(self) -> None:
        """Take what is new, or wait for it."""
        if not self._prepared:
            await self._prepare()
            self._prepared = True
        if self._index.sequence < 0:
            await self._take_snapshot("the index is empty")
        try:
            changes = await self._bank.changes_after(self._index.sequence, self._batch)
        except ResyncRequired:
            await self._take_snapshot("the feed does not continue where the index is")
            return
        if changes:
            await self._apply(changes)
            return
        self._caught_up = True
        await self._note(away=False)
        await self._rest_when_quiet()
        await self._bank.wait_for_change(self._index.sequence, WAIT_SECONDS)

    async def _apply(self, changes: Sequence[Change]) -> None:
        await self._index.apply(changes, sequence=changes[-1].sequence)
        self._batch = _next_batch(self._batch, changes)
        self._metrics.followed.inc(len(changes))
        await self._written()

    async def _take_snapshot(self, reason: str) -> None:
        started = self._clock()
        await self._index.replace(self._bank.snapshot())
        self._metrics.snapshots.inc()
        _log.info("snapshot taken", reason=reason, seconds=round(self._clock() - started, 3))
        await self._written()

    async def _written(self) -> None:
        self._written_at = self._clock()
        async with self._progress:
            self._progress.notify_all()

    async def _rest_when_quiet(self) -> None:
        if self._written_at is not None and self._clock() - self._written_at >= REST_SECONDS:
            self._written_at = None if await self._index.rest() else self._clock()

    async def _note(self, *, away: bool, error: Exception | None = None) -> None:
        if away and not self._away:
            _log.warning("the change feed cannot be followed", error=repr(error))
        elif self._away and not away:
            _log.info("the change feed is followed again")
        self._away = away
        async with self._progress:
            self._progress.notify_all()


def _next_batch(size: int, changes: Sequence[Change]) -> int:
    """As many changes as would have made one full batch, within bounds."""
    examples = (change.example for change in changes if change.example is not None)
    characters = sum(len(example.prompt) + len(example.response) for example in examples)
    fitting = len(changes) * BATCH_CHARACTERS // max(characters, 1)
    return max(LEAST_BATCH, min(MOST_BATCH, fitting, 2 * size))
