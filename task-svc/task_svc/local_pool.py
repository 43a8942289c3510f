"""Claims queued tasks and carries them out here, in a bounded number of processes.

It is the runner of the embedded mode, and stands in for the workers while the broker or they are away.
"""

import asyncio
from collections.abc import Callable

from servicekit.logs import get_logger
from task_svc.attempts import Attempts
from task_svc.model import Task
from task_svc.ports import Claims

_log = get_logger(__name__)


class LocalPool:
    """Works while it is switched on; what runs when it is switched off is finished.

    Args:
        store: Where tasks are claimed; a store that is away has none.
        attempts: Carries out what was claimed.
        worker: Name that the claims bear; the same after a restart.
        size: Most tasks at the same time.
        poll_seconds: Longest time between two looks at the queue, which other replicas fill as well.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: Claims,
        attempts: Attempts,
        worker: str,
        size: int,
        poll_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._worker = worker
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._slots = asyncio.Semaphore(size)
        self._wake = asyncio.Event()
        self._on = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}

    def switch(self, *, on: bool) -> None:
        """Starts or ceases to claim tasks."""
        if on and not self._on.is_set():
            self._on.set()
        elif not on:
            self._on.clear()

    def kick(self) -> None:
        """Looks at the queue at once."""
        self._wake.set()

    async def stop(self, task_id: str) -> None:
        """Stops a task if it runs here; returns when its process is gone."""
        attempt = self._running.get(task_id)
        if attempt is not None:
            attempt.cancel()
            await asyncio.wait((attempt,))

    async def run(self) -> None:
        """Claims and works until it is cancelled; then the running tasks are stopped and queued again."""
        try:
            await self._store.release_worker(self._worker, self._clock())
            while True:
                await self._on.wait()
                await self._slots.acquire()
                self._wake.clear()
                task = await self._claimed()
                if task is not None:
                    self._start(task)
                    continue
                self._slots.release()
                await self._rest()
        finally:
            attempts = list(self._running.values())
            for attempt in attempts:
                attempt.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)

    async def _claimed(self) -> Task | None:
        return await self._store.claim_next(self._worker, self._clock())

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _start(self, task: Task) -> None:
        attempt = asyncio.create_task(self._attempts.run(task))
        self._running[task.id] = attempt
        attempt.add_done_callback(lambda done: self._ended(task.id, done))

    def _ended(self, task_id: str, attempt: "asyncio.Task[None]") -> None:
        if self._running.get(task_id) is attempt:
            del self._running[task_id]
        self._slots.release()
        self._wake.set()
        if not attempt.cancelled() and (error := attempt.exception()) is not None:
            # The row stays RUNNING without a sign of life; the reconciler takes it from there.
            _log.error("attempt broke", task_id=task_id, error=repr(error), exc_info=error)
