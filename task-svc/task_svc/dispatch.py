"""ports.Dispatch in both modes."""

from task_svc.fallback import PooledQueue
from task_svc.local_pool import LocalPool
from task_svc.relay import Relay


class PoolDispatch:
    """All work is done here: the embedded mode, in which no broker is missed."""

    def __init__(self, pool: LocalPool) -> None:
        self._pool = pool
        pool.switch(on=True)

    @property
    def runner(self) -> str:
        """See ports.Dispatch."""
        return "local"

    def submitted(self) -> None:
        """See ports.Dispatch."""
        self._pool.kick()

    async def stop(self, task_id: str) -> None:
        """See ports.Dispatch."""
        await self._pool.stop(task_id)


class CeleryDispatch:
    """The workers do the work, and the pool while they or the broker are away."""

    def __init__(self, relay: Relay, queue: PooledQueue, pool: LocalPool) -> None:
        self._relay = relay
        self._queue = queue
        self._pool = pool

    @property
    def runner(self) -> str:
        """See ports.Dispatch."""
        return "local" if self._queue.stands_in() else "celery"

    def submitted(self) -> None:
        """See ports.Dispatch."""
        if self._queue.stands_in():
            self._pool.kick()
        self._relay.kick()

    async def stop(self, task_id: str) -> None:
        """See ports.Dispatch."""
        # A worker learns of it with its next sign of life, for which it needs no broker.
        await self._pool.stop(task_id)
