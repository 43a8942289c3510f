"""Tasks whose worker fell silent and tickets that were lost, on a real store, with clocks in hand."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from task_svc.attempts import RetryPolicy
from task_svc.errors import StoreUnavailable
from task_svc.fallback import PatientStore
from task_svc.metrics import TaskMetrics
from task_svc.model import UNBOUNDED, Failure, Task, TaskKind, TaskState, Ticket
from task_svc.reconciler import Patience, Reconciler
from task_svc.relay import Relay
from task_svc.sqlite import SqliteTaskStore
from task_svc.sqlite_database import SqliteDatabase


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountingQueue:
    """A queue that keeps what it is given until somebody empties it."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    async def publish(self, tickets: Sequence[Ticket]) -> frozenset[str]:
        self.tickets += tickets
        return frozenset(ticket.task_id for ticket in tickets)

    async def waiting(self) -> int:
        return len(self.tickets)

    async def workers(self) -> int:
        return 1

    async def close(self) -> None:
        self.tickets.clear()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteTaskStore]:
    opened = SqliteTaskStore(await SqliteDatabase.open(tmp_path / "t.sqlite"), lambda _: None)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue() -> CountingQueue:
    return CountingQueue()


@pytest.fixture
def metrics() -> TaskMetrics:
    return TaskMetrics(CollectorRegistry())


@pytest.fixture
def reconciler(
    store: SqliteTaskStore, queue: CountingQueue, metrics: TaskMetrics, clock: Clock
) -> Reconciler:
    return Reconciler(store, queue, Patience(1, 15, 10), metrics, clock, clock)


async def running(store: SqliteTaskStore, now: float) -> Task:
    await store.submit(Task("t", TaskKind.CYMATIC, "", "{}", 5, now, now), UNBOUNDED)
    task = await store.claim("t", "w", now)
    assert task is not None
    return task


async def test_a_silent_worker_is_given_up_after_its_time(
    store: SqliteTaskStore, reconciler: Reconciler, clock: Clock
) -> None:
    await running(store, clock.now)
    await reconciler.round()
    clock.now += 14
    await reconciler.round()
    assert (await store.get("t")).state is TaskState.RUNNING
    clock.now += 1
    await reconciler.round()
    task = await store.get("t")
    # The worker was lost, the task did not fail.
    assert (task.state, task.failures, task.attempts) == (TaskState.QUEUED, 0, 1)
    assert [ticket.task_id for ticket in await store.outbox(10, clock.now)] == ["t"]
    again = await store.claim("t", "w", clock.now)
    assert again is not None
    assert again.attempts == 2


async def test_a_sign_of_life_starts_the_time_anew(
    store: SqliteTaskStore, reconciler: Reconciler, clock: Clock
) -> None:
    await running(store, clock.now)
    for _ in range(5):
        await reconciler.round()
        clock.now += 14
        assert await store.beat("t", 1, 1.0, "x", clock.now)
    await reconciler.round()
    assert (await store.get("t")).state is TaskState.RUNNING


async def test_nobody_is_given_up_for_an_outage_of_the_store(
    store: SqliteTaskStore, queue: CountingQueue, metrics: TaskMetrics, clock: Clock
) -> None:
    class Flaky(SqliteTaskStore):
        away = False

        async def running(self) -> list[Task]:
            if self.away:
                raise StoreUnavailable("away")
            return await super().running()

    await running(store, clock.now)
    flaky = Flaky(store._database, lambda _: None)
    patient = PatientStore(flaky, 1)
    reconciler = Reconciler(patient, queue, Patience(1, 15, 10), metrics, clock, clock)
    await reconciler.round()
    flaky.away = True
    clock.now += 100
    await reconciler.round()
    flaky.away = False
    await reconciler.round()
    assert (await store.get("t")).state is TaskState.RUNNING


async def test_lost_tickets_are_published_again_and_waiting_ones_are_not(
    store: SqliteTaskStore,
    reconciler: Reconciler,
    queue: CountingQueue,
    metrics: TaskMetrics,
    clock: Clock,
) -> None:
    relay = Relay(store, queue, 1.0, metrics, clock)
    for number in range(3):
        await store.submit(Task(f"t{number}", TaskKind.CYMATIC, "", "{}", 5, clock.now, clock.now), UNBOUNDED)
    await relay.publish()
    assert len(queue.tickets) == 3
    clock.now += 60
    await reconciler.round()
    await relay.publish()
    assert len(queue.tickets) == 3

    queue.tickets.clear()
    await reconciler.round()
    await relay.publish()
    assert {ticket.task_id for ticket in queue.tickets} == {"t0", "t1", "t2"}
    # A worker has just taken one and is about to claim it.
    queue.tickets.pop()
    await reconciler.round()
    await relay.publish()
    assert len(queue.tickets) == 2


async def test_no_more_tickets_are_published_again_than_are_missing(
    store: SqliteTaskStore, reconciler: Reconciler, queue: CountingQueue, metrics: TaskMetrics, clock: Clock
) -> None:
    relay = Relay(store, queue, 1.0, metrics, clock)
    for number in range(9):
        await store.submit(Task(f"t{number}", TaskKind.CYMATIC, "", "{}", 5, clock.now, clock.now), UNBOUNDED)
    await relay.publish()
    queue.tickets.pop()
    clock.now += 60
    await reconciler.round()
    await relay.publish()
    assert len(queue.tickets) == 9


def test_waits_double_and_end() -> None:
    policy = RetryPolicy(most_failures=4, most_attempts=9, first_wait_seconds=2.0, jitter=lambda: 1.5)
    failure = Failure("Broke.", retryable=True)

    def verdict(failures: int, why: Failure = failure) -> tuple[str, float | None]:
        task = Task("t", TaskKind.CYMATIC, "", "{}", 5, 0, 0, failures=failures)
        kept, retry_at = policy.verdict(task, why, 100.0)
        return kept.reason, retry_at

    assert [verdict(number)[1] for number in range(4)] == [103.0, 106.0, 112.0, None]
    assert verdict(3)[0] == "Broke. It was tried 4 times."
    assert verdict(0, Failure("Never.", retryable=False)) == ("Never.", None)
