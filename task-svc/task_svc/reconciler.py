"""Finds tasks that nobody works on: their worker died, or the broker lost their ticket."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from servicekit.logs import get_logger
from task_svc.metrics import TaskMetrics
from task_svc.model import Task, TaskState
from task_svc.ports import Claims, Queue

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Times of the reconciler, in seconds.

    Attributes:
        interval_seconds: Time between two rounds.
        silence_seconds: A running task that gives no sign of life for so long has lost its worker.
        ticket_seconds: A ticket that is older and no longer waits in the broker may be published again.
    """

    interval_seconds: float
    silence_seconds: float
    ticket_seconds: float


class Reconciler:
    """Looks through the store in rounds; several replicas may do so at the same time.

    Silence is measured by this process's own clock, between two looks at a row that did not change. The
    clocks of other machines do not matter, and after an outage of the store nobody is thought dead who
    only could not tell that they live.
    """

    def __init__(
        self,
        store: Claims,
        queue: Queue | None,
        patience: Patience,
        metrics: TaskMetrics,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._queue = queue
        self._patience = patience
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._seen: dict[tuple[str, int], float] = {}

    async def run(self) -> None:
        """Rounds until it is cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(self._patience.interval_seconds)

    async def round(self) -> None:
        """Looks once."""
        await self._reclaim_from_the_silent()
        counts = await self._store.counts()
        self._metrics.count(counts)
        self._metrics.wait(await self._store.backlog(self._clock()))
        queued = sum(number for (_, state), number in counts.items() if state is TaskState.QUEUED)
        if queued and self._queue is not None:
            # So many have no ticket in the broker: a worker is about to claim them, or it was lost.
            missing, now = queued - await self._queue.waiting(), self._clock()
            before = now - self._patience.ticket_seconds
            if missing > 0 and (again := await self._store.republish(before, missing, now)):
                _log.info("published again", tasks=again)

    async def _reclaim_from_the_silent(self) -> None:
        now = self._monotonic()
        running = await self._store.running()
        # The revision grows with every sign of life.
        self._seen = {
            (task.id, task.revision): self._seen.get((task.id, task.revision), now) for task in running
        }
        for task in running:
            if now - self._seen[task.id, task.revision] >= self._patience.silence_seconds:
                await self._reclaim(task)

    async def _reclaim(self, task: Task) -> None:
        # It is no failure of the task's: workers are restarted. One that ends each of its workers is given
        # up by the number of its attempts.
        if await self._store.release(task.id, task.attempts, self._clock()):
            self._metrics.reclaimed.inc()
            _log.warning("worker lost", task_id=task.id, worker=task.worker, attempt=task.attempts)
