"""What task-svc does without something that it relies on: its degradation table.

| away              | stands in                                                                        |
|-------------------|----------------------------------------------------------------------------------|
| PostgreSQL        | `JournallingStore`: a submission is kept in the journal, answered as JOURNALLED, |
|                   | and replayed exactly once; a journalled task can be read and watched here, the   |
|                   | other calls are refused with UNAVAILABLE; degraded `postgres`                    |
| PostgreSQL, while | `PatientStore`: a running attempt goes on and keeps its result in hand until     |
| work is going on  | the store takes it; nothing new is claimed meanwhile                             |
| broker, workers   | `PooledQueue`: the local pool claims  the queued tasks; degraded `broker`        |
| a worker          | the reconciler queues its task again once it has been silent for a while         |
| the artefacts'    | nothing: an attempt fails and is tried again later, a download is refused with   |
| disk              | UNAVAILABLE                                                                      |

Each stand-in steps back by itself when the real thing answers again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

from servicekit import degrade
from servicekit.degrade import Degradation
from servicekit.journal import Entry, Journal
from task_svc.errors import AWAY, BrokerUnavailable, QueueFull, RequestConflict
from task_svc.local_pool import LocalPool
from task_svc.model import (
    NO_BACKLOG,
    UNBOUNDED,
    Admission,
    Artifact,
    Backlog,
    Durability,
    Failure,
    History,
    Submission,
    Task,
    TaskFilter,
    TaskKind,
    TaskState,
    Ticket,
)
from task_svc.ports import Claims, Queue, Tasks
from task_svc.rows import new_row

T = TypeVar("T")

SUBMISSION: Final = "submission"
_ALL: Final = 1_000_000


class JournallingStore:
    """ports.Tasks for the callers of the service; see the table."""

    def __init__(self, store: Tasks, journal: Journal, degradation: Degradation) -> None:
        self._store = store
        self._journal = journal
        self._degradation = degradation
        self._waiting: dict[str, Task] = {}

    @property
    def journalled(self) -> int:
        """See ports.Tasks."""
        return self._journal.count

    async def open(self) -> None:
        """Reads what an earlier life of the process has journalled, and looks whether the store is there."""
        for entry in await self._journal.pending(_ALL):
            task = _task_of(entry)
            self._waiting[task.id] = task
        await _or_else(self.ping(), None)

    async def replay(self, entry: Entry) -> None:
        """Has the store keep a journalled submission; its id makes that happen once."""
        try:
            # A submission that was accepted is not refused afterwards because the queue has filled up.
            await self._store.submit(_task_of(entry), UNBOUNDED)
        except AWAY:
            raise
        except Exception:
            # It is at fault itself, and the replayer says so: nobody must wait for it any longer.
            self._waiting.pop(entry.entry_id, None)
            raise
        self._waiting.pop(entry.entry_id, None)
        self._degradation.recover()

    async def submit(self, task: Task, admission: Admission) -> Submission:
        """See ports.Tasks."""
        try:
            submission = await self._store.submit(task, admission)
        except AWAY as error:
            self._degradation.degrade(error)
            return await self._journalled(task, admission)
        self._degradation.recover()
        return submission

    async def get(self, task_id: str) -> Task:
        """See ports.Tasks."""
        waiting = self._waiting.get(task_id)
        if waiting is not None:
            degrade.note((self._degradation.dependency,))
            return waiting
        return await self._told(self._store.get(task_id))

    async def history(self, task_id: str, after_revision: int) -> History:
        """See ports.Tasks."""
        waiting = self._waiting.get(task_id)
        if waiting is not None:
            degrade.note((self._degradation.dependency,))
            return History(waiting, (waiting,) if waiting.revision > after_revision else ())
        return await self._told(self._store.history(task_id, after_revision))

    async def newest(self, which: TaskFilter, before: tuple[float, str] | None, limit: int) -> list[Task]:
        """See ports.Tasks."""
        return await self._told(self._store.newest(which, before, limit))

    async def cancel(self, task_id: str, now: float) -> tuple[Task, bool]:
        """See ports.Tasks."""
        return await self._told(self._store.cancel(task_id, now))

    async def counts(self) -> Mapping[tuple[TaskKind, TaskState], int]:
        """See ports.Tasks."""
        return await self._told(self._store.counts())

    async def ping(self) -> None:
        """Return if the store answers; the health probe, and how a recovery is noticed between calls."""
        await self._told(self._store.ping())

    async def _journalled(self, task: Task, admission: Admission) -> Submission:
        known = self._waiting.get(task.id)
        if known is not None:
            if known.body_hash != task.body_hash:
                raise RequestConflict("This request_id was used for another task.")
            return Submission(known, created=False, durability=Durability.JOURNALLED)
        if self._journal.count >= admission.queued:
            raise QueueFull(self._journal.count, of_user=False)
        of_user = sum(each.user_id == task.user_id for each in self._waiting.values())
        if of_user >= admission.queued_of_user:
            raise QueueFull(of_user, of_user=True)
        await self._journal.append(task.id, SUBMISSION, _payload_of(task))
        self._waiting[task.id] = task
        return Submission(task, created=True, durability=Durability.JOURNALLED)

    async def _told(self, call: Awaitable[T]) -> T:
        """Awaits a call of the store that nothing stands in for, and notes whether it was there."""
        try:
            result = await call
        except AWAY as error:
            self._degradation.degrade(error)
            raise
        self._degradation.recover()
        return result


class PatientStore:
    """ports.Claims for the work in the background; see the table.

    While the store is away there is nothing to claim, to publish or to reconcile, and no claim is lost;
    what an attempt came to is offered again and again until it is taken.
    """

    def __init__(self, store: Claims, retry_seconds: float) -> None:
        self._store = store
        self._retry_seconds = retry_seconds

    async def claim(self, task_id: str, worker: str, now: float) -> Task | None:
        """See ports.Claims; whoever holds a ticket waits, for there is nothing else that it could do."""
        return await self._insist(lambda: self._store.claim(task_id, worker, now))

    async def claim_next(self, worker: str, now: float) -> Task | None:
        """See ports.Claims."""
        return await _or_else(self._store.claim_next(worker, now), None)

    async def beat(self, task_id: str, attempt: int, percent: float, stage: str, now: float) -> bool:
        """See ports.Claims."""
        return await _or_else(self._store.beat(task_id, attempt, percent, stage, now), True)

    async def succeed(
        self, task_id: str, attempt: int, artifacts: Sequence[Artifact], result_json: str, now: float
    ) -> bool:
        """See ports.Claims."""
        return await self._insist(lambda: self._store.succeed(task_id, attempt, artifacts, result_json, now))

    async def fail(
        self, task_id: str, attempt: int, failure: Failure, retry_at: float | None, now: float
    ) -> bool:
        """See ports.Claims."""
        return await self._insist(lambda: self._store.fail(task_id, attempt, failure, retry_at, now))

    async def release(self, task_id: str, attempt: int, now: float) -> bool:
        """See ports.Claims; a store that is away learns of it from `release_worker` or by the silence."""
        return await _or_else(self._store.release(task_id, attempt, now), False)

    async def release_worker(self, worker: str, now: float) -> int:
        """See ports.Claims."""
        return await self._insist(lambda: self._store.release_worker(worker, now))

    async def outbox(self, limit: int, now: float) -> list[Ticket]:
        """See ports.Claims."""
        return await _or_else(self._store.outbox(limit, now), [])

    async def published(self, task_ids: Collection[str], now: float) -> None:
        """See ports.Claims; tickets that stay in the outbox are published again, which does no harm."""
        await _or_else(self._store.published(task_ids, now), None)

    async def republish(self, published_before: float, limit: int, now: float) -> int:
        """See ports.Claims."""
        return await _or_else(self._store.republish(published_before, limit, now), 0)

    async def running(self) -> list[Task]:
        """See ports.Claims."""
        return await _or_else(self._store.running(), [])

    async def forget(self, ended_before: float, limit: int) -> int:
        """See ports.Claims."""
        return await _or_else(self._store.forget(ended_before, limit), 0)

    async def forget_progress(self, before: float) -> None:
        """See ports.Claims."""
        await _or_else(self._store.forget_progress(before), None)

    async def unused(self, digests: frozenset[str]) -> frozenset[str]:
        """See ports.Claims."""
        return await _or_else(self._store.unused(digests), frozenset())

    async def counts(self) -> Mapping[tuple[TaskKind, TaskState], int]:
        """See ports.Claims."""
        return await _or_else(self._store.counts(), {})

    async def backlog(self, now: float) -> Backlog:
        """See ports.Claims."""
        return await _or_else(self._store.backlog(now), NO_BACKLOG)

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await call()
            except AWAY:
                await asyncio.sleep(self._retry_seconds)


class PooledQueue:
    """ports.Queue that has the local pool work while the broker or the workers are away; see the table.

    Args:
        queue: The real one.
        pool: The local pool, switched on while it stands in.
        degradation: Of the dependency "broker".
        grace_seconds: Silence of all workers after which the pool takes over; a busy machine is forgiven.
        monotonic: Seconds from any origin.
    """

    def __init__(
        self,
        queue: Queue,
        pool: LocalPool,
        degradation: Degradation,
        grace_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._pool = pool
        self._degradation = degradation
        self._grace_seconds = grace_seconds
        self._monotonic = monotonic
        self._seen_at = monotonic()

    def stands_in(self) -> bool:
        """Whether the pool works in place of the workers; a request that asks tells so in its answer."""
        if self._degradation.active:
            degrade.note((self._degradation.dependency,))
        return self._degradation.active

    async def publish(self, tickets: Sequence[Ticket]) -> frozenset[str]:
        """See ports.Queue; takes none while the broker is away."""
        try:
            return await self._queue.publish(tickets)
        except AWAY as error:
            self._take_over(error)
            return frozenset()

    async def waiting(self) -> int:
        """See ports.Queue; of an absent broker nothing is known, so nothing is missed."""
        return await _or_else(self._queue.waiting(), _ALL)

    async def workers(self) -> int:
        """See ports.Queue; this is how the pool is switched on and off."""
        try:
            workers = await self._queue.workers()
        except AWAY as error:
            self._take_over(error)
            return 0
        if workers:
            self._seen_at = self._monotonic()
            self._degradation.recover()
            self._pool.switch(on=False)
        elif self._monotonic() - self._seen_at >= self._grace_seconds:
            self._take_over(BrokerUnavailable("No worker answers."))
        return workers

    async def close(self) -> None:
        """See ports.Queue."""
        await self._queue.close()

    def _take_over(self, error: Exception) -> None:
        self._degradation.degrade(error)
        self._pool.switch(on=True)
        self._pool.kick()


async def _or_else(call: Awaitable[T], otherwise: T) -> T:
    try:
        return await call
    except AWAY:
        return otherwise


def _payload_of(task: Task) -> bytes:
    fresh = {**new_row(task), "update_time": task.update_time}
    return json.dumps(fresh, ensure_ascii=False).encode()


def _task_of(entry: Entry) -> Task:
    values = json.loads(entry.payload)
    return Task(**{**values, "kind": TaskKind(values["kind"])})
