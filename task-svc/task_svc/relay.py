"""Publishes tickets after the commit that made them, and finds out whether anybody takes them."""

import asyncio
from collections.abc import Callable
from typing import Final

from task_svc.metrics import TaskMetrics
from task_svc.ports import Claims, Queue

_BATCH: Final = 100


class Relay:
    """Moves tickets from the outbox to the queue.

    A ticket is published before it leaves the outbox, so that none is lost; one that is published twice
    does no harm, because a worker claims the row before it works.

    Args:
        store: The outbox; a store that is away has none.
        queue: Where they go; a queue that is away takes none.
        interval_seconds: Longest time between two looks at both.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: Claims,
        queue: Queue,
        interval_seconds: float,
        metrics: TaskMetrics,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._queue = queue
        self._interval_seconds = interval_seconds
        self._metrics = metrics
        self._clock = clock
        self._wake = asyncio.Event()

    def kick(self) -> None:
        """Looks at the outbox at once."""
        self._wake.set()

    async def run(self) -> None:
        """Publishes until it is cancelled."""
        while True:
            self._wake.clear()
            await self._queue.workers()
            while await self.publish():
                pass
            try:
                async with asyncio.timeout(self._interval_seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def publish(self) -> bool:
        """Publishes one batch; returns whether there may be more."""
        tickets = await self._store.outbox(_BATCH, self._clock())
        if not tickets:
            return False
        taken = await self._queue.publish(tickets)
        if taken:
            await self._store.published(taken, self._clock())
            self._metrics.published.inc(len(taken))
        return len(taken) == _BATCH
