"""One suite for every TaskStore: SQLite on disk, and a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from servicekit.breaker import Breaker
from task_svc.errors import QueueFull, RequestConflict, TaskNotFound
from task_svc.model import (
    NEXT_STATES,
    NO_BACKLOG,
    Admission,
    Artifact,
    Backlog,
    Failure,
    History,
    Task,
    TaskFilter,
    TaskKind,
    TaskState,
    Ticket,
    body_hash,
)
from task_svc.ports import TaskStore
from task_svc.postgres import PostgresTaskStore
from task_svc.postgres_database import PostgresDatabase
from task_svc.sqlite import SqliteTaskStore
from task_svc.sqlite_database import SqliteDatabase

PICTURE = Artifact("pattern.png", "image/png", 123, "ab" * 32)


def new_task(
    number: int = 1, *, priority: int = 5, kind: TaskKind = TaskKind.CYMATIC, user: str = ""
) -> Task:
    parameters = f'{{"frequency_hz":{number}}}'
    return Task(
        id=f"task-{number:04}",
        kind=kind,
        user_id=user,
        parameters_json=parameters,
        priority=priority,
        create_time=1000.0 + number,
        update_time=1000.0 + number,
        body_hash=body_hash(kind, parameters, priority),
    )


@asynccontextmanager
async def sqlite_store(path: Path, announced: list[str]) -> AsyncIterator[TaskStore]:
    store = SqliteTaskStore(await SqliteDatabase.open(path / "tasks.sqlite"), announced.append)
    yield store
    await store.close()


@asynccontextmanager
async def postgres_store(url: str, announced: list[str]) -> AsyncIterator[TaskStore]:
    breaker = Breaker("postgres", budget_seconds=10, reset_seconds=0.1)
    store = PostgresTaskStore(PostgresDatabase(SecretStr(url), breaker, 4), announced.append)
    yield store
    await store.close()


@pytest.fixture
def announced() -> list[str]:
    return []


@pytest.fixture(params=["sqlite", "postgres"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, announced: list[str]
) -> AsyncIterator[TaskStore]:
    if request.param == "sqlite":
        opened = sqlite_store(tmp_path, announced)
    else:
        opened = postgres_store(request.getfixturevalue("postgres_url"), announced)
    async with opened as opened_store:
        yield opened_store


async def submitted(store: TaskStore, *tasks: Task) -> None:
    for task in tasks:
        await store.submit(task, Admission(100, 100))


async def claimed(store: TaskStore, number: int = 1) -> Task:
    await submitted(store, new_task(number))
    task = await store.claim(f"task-{number:04}", "worker", 2000.0)
    assert task is not None
    return task


async def test_a_submitted_task_comes_back_as_it_was(store: TaskStore, announced: list[str]) -> None:
    task = replace(new_task(user="zoë"), parameters_json='{"a": "\\u2028 é 🎵"}')
    submission = await store.submit(task, Admission(10, 10))
    assert submission.created
    assert submission.task == task == await store.get(task.id)
    assert announced == [task.id]


async def test_the_same_request_gives_the_first_task(store: TaskStore) -> None:
    await store.submit(new_task(), Admission(10, 10))
    again = await store.submit(replace(new_task(), create_time=9999.0), Admission(10, 10))
    assert not again.created
    assert again.task == new_task()
    with pytest.raises(RequestConflict):
        await store.submit(replace(new_task(), body_hash="other"), Admission(10, 10))


async def test_simultaneous_submissions_of_one_request_make_one_task(store: TaskStore) -> None:
    outcomes = await asyncio.gather(*(store.submit(new_task(), Admission(10, 10)) for _ in range(8)))
    assert sum(outcome.created for outcome in outcomes) == 1
    assert await store.outbox(10, 5000.0) == [Ticket("task-0001", TaskKind.CYMATIC, 5)]


async def test_a_full_queue_refuses_new_tasks_but_knows_the_old_ones(store: TaskStore) -> None:
    await store.submit(new_task(1), Admission(2, 9))
    await store.submit(new_task(2), Admission(2, 9))
    with pytest.raises(QueueFull) as full:
        await store.submit(new_task(3), Admission(2, 9))
    assert full.value.retry_after_seconds
    assert not (await store.submit(new_task(2), Admission(2, 9))).created
    with pytest.raises(TaskNotFound):
        await store.get("task-0003")


async def test_no_user_fills_the_queue_alone(store: TaskStore) -> None:
    admission = Admission(queued=9, queued_of_user=2)
    await store.submit(new_task(1, user="ann"), admission)
    await store.submit(new_task(2, user="ann"), admission)
    with pytest.raises(QueueFull, match="2 tasks of yours"):
        await store.submit(new_task(3, user="ann"), admission)
    await store.submit(new_task(4, user="bob"), admission)
    # What runs does not wait.
    await store.claim("task-0001", "worker", 2000.0)
    assert (await store.submit(new_task(3, user="ann"), admission)).created


async def test_positions_count_what_goes_before_in_the_same_kind(store: TaskStore) -> None:
    await submitted(
        store, new_task(1), new_task(2), new_task(3, priority=9), new_task(4, kind=TaskKind.ART), new_task(5)
    )
    assert [(await store.get(f"task-{number:04}")).position for number in (1, 2, 3, 4, 5)] == [1, 2, 0, 0, 3]
    assert (await store.submit(new_task(2), Admission(10, 10))).task.position == 2


async def test_a_task_is_claimed_once_however_many_ask(store: TaskStore) -> None:
    await submitted(store, new_task())
    claims = await asyncio.gather(*(store.claim("task-0001", f"w{n}", 2000.0) for n in range(8)))
    (task,) = [claim for claim in claims if claim is not None]
    assert (task.state, task.attempts, task.start_time) == (TaskState.RUNNING, 1, 2000.0)
    assert await store.outbox(10, 5000.0) == []
    assert await store.claim_next("late", 2000.0) is None


async def test_claim_next_takes_the_most_urgent_and_then_the_oldest(store: TaskStore) -> None:
    await submitted(store, new_task(1), new_task(2), new_task(3, priority=8))
    taken = [await store.claim_next("worker", 2000.0) for _ in range(4)]
    assert [task and task.id for task in taken] == ["task-0003", "task-0001", "task-0002", None]


async def test_simultaneous_claims_take_different_tasks(store: TaskStore) -> None:
    await submitted(store, *(new_task(number) for number in range(1, 9)))
    taken = await asyncio.gather(*(store.claim_next("worker", 2000.0) for _ in range(8)))
    assert len({task.id for task in taken if task}) == 8


async def test_progress_and_success_are_kept(store: TaskStore, announced: list[str]) -> None:
    task = await claimed(store)
    assert await store.beat(task.id, 1, 40.5, "rendering", 2001.0)
    running = await store.get(task.id)
    assert (running.progress_percent, running.stage, running.update_time) == (40.5, "rendering", 2001.0)
    assert running.revision == task.revision + 1
    assert await store.succeed(task.id, 1, [PICTURE], '{"x": 1}', 2002.0)
    done = await store.get(task.id)
    assert done.state is TaskState.SUCCEEDED
    assert (done.artifacts, done.result_json, done.end_time) == ((PICTURE,), '{"x": 1}', 2002.0)
    assert announced == [task.id] * 4


async def test_the_history_has_each_transition_and_each_progress_in_order(store: TaskStore) -> None:
    task = await claimed(store)
    await store.beat(task.id, 1, 40.5, "rendering", 2001.0)
    await store.beat(task.id, 1, 40.5, "rendering", 2002.0)  # a sign of life
    await store.fail(task.id, 1, Failure("killed", retryable=True), 2003.0, 2003.0)
    await store.claim(task.id, "worker", 2004.0)
    await store.succeed(task.id, 2, [PICTURE], '{"x": 1}', 2005.0)
    history = await store.history(task.id, 0)
    done = await store.get(task.id)
    assert history.present == history.changes[-1] == done
    seen = [
        (each.revision, each.state.value, each.progress_percent, each.stage, each.error, each.attempts)
        for each in history.changes
    ]
    assert seen == [
        (1, "queued", 0.0, "", "", 0),
        (2, "running", 0.0, "starting", "", 1),
        (3, "running", 40.5, "rendering", "", 1),
        (5, "queued", 0.0, "waiting to try again", "killed", 1),
        (6, "running", 0.0, "starting", "killed", 2),
        (7, "succeeded", 100.0, "done", "", 2),
    ]
    first, claimed_first, *_ = history.changes
    assert (first.start_time, first.end_time, first.update_time) == (None, None, 1001.0)
    assert (claimed_first.start_time, claimed_first.artifacts, claimed_first.result_json) == (
        2000.0,
        (),
        "{}",
    )
    assert [each.revision for each in (await store.history(task.id, 3)).changes] == [5, 6, 7]
    assert (await store.history(task.id, 7)) == History(done, ())
    with pytest.raises(TaskNotFound):
        await store.history("nobody", 0)


async def test_old_progress_is_forgotten_but_no_transition(store: TaskStore) -> None:
    task = await claimed(store)
    await store.beat(task.id, 1, 10.0, "rendering", 2001.0)
    await store.beat(task.id, 1, 20.0, "rendering", 2002.0)
    await store.forget_progress(2002.0)
    changes = (await store.history(task.id, 0)).changes
    assert [each.progress_percent for each in changes] == [0.0, 0.0, 20.0]


async def test_a_lost_claim_can_write_nothing(store: TaskStore) -> None:
    task = await claimed(store)
    assert await store.release(task.id, 1, 2001.0)
    second = await store.claim(task.id, "other", 2002.0)
    assert second is not None
    assert second.attempts == 2
    before = await store.get(task.id)
    assert not await store.beat(task.id, 1, 50, "x", 2003.0)
    assert not await store.succeed(task.id, 1, [PICTURE], "{}", 2003.0)
    assert not await store.fail(task.id, 1, Failure("x", retryable=True), None, 2003.0)
    assert not await store.release(task.id, 1, 2003.0)
    assert await store.get(task.id) == before


async def test_a_failure_waits_for_its_time_and_is_published_again(store: TaskStore) -> None:
    task = await claimed(store)
    assert await store.fail(task.id, 1, Failure("killed", retryable=True), 2010.0, 2001.0)
    waiting = await store.get(task.id)
    assert (waiting.state, waiting.error, waiting.failures) == (TaskState.QUEUED, "killed", 1)
    assert await store.claim(task.id, "worker", 2009.0) is None
    assert await store.outbox(10, 2009.0) == []
    assert [ticket.task_id for ticket in await store.outbox(10, 2010.0)] == [task.id]
    assert await store.claim(task.id, "worker", 2010.0)


async def test_the_last_failure_is_final(store: TaskStore) -> None:
    task = await claimed(store)
    assert await store.fail(task.id, 1, Failure("no paint", retryable=False), None, 2001.0)
    failed = await store.get(task.id)
    assert (failed.state, failed.error, failed.end_time) == (TaskState.FAILED, "no paint", 2001.0)


async def test_cancelling_stops_what_has_not_ended(store: TaskStore) -> None:
    running = await claimed(store, 1)
    await submitted(store, new_task(2))
    task, was_running = await store.cancel(running.id, 2001.0)
    assert (task.state, was_running, task.end_time) == (TaskState.CANCELLED, True, 2001.0)
    task, was_running = await store.cancel("task-0002", 2002.0)
    assert (task.state, was_running) == (TaskState.CANCELLED, False)
    assert await store.outbox(10, 5000.0) == []
    assert await store.cancel("task-0002", 2003.0) == (task, False)
    assert not await store.succeed(running.id, 1, [PICTURE], "{}", 2004.0)
    with pytest.raises(TaskNotFound):
        await store.cancel("nobody", 2000.0)


async def test_a_finished_task_is_left_as_it_is(store: TaskStore) -> None:
    task = await claimed(store)
    await store.succeed(task.id, 1, [PICTURE], "{}", 2001.0)
    done = await store.get(task.id)
    assert await store.cancel(task.id, 2002.0) == (done, False)
    assert NEXT_STATES[done.state] == frozenset()
    assert await store.claim(task.id, "worker", 3000.0) is None


async def test_a_worker_that_starts_again_gives_back_what_it_had(store: TaskStore) -> None:
    task = await claimed(store)
    await submitted(store, new_task(2))
    await store.claim("task-0002", "another", 2000.0)
    assert await store.release_worker("worker", 2001.0) == 1
    released = await store.get(task.id)
    assert (released.state, released.attempts, released.failures) == (TaskState.QUEUED, 1, 0)
    assert [each.id for each in await store.running()] == ["task-0002"]


async def test_what_was_published_long_ago_is_published_again(store: TaskStore) -> None:
    await submitted(store, new_task(1), new_task(2))
    await store.published(["task-0001"], 2000.0)
    assert [ticket.task_id for ticket in await store.outbox(10, 3000.0)] == ["task-0002"]
    assert await store.republish(2000.0, 9, 2001.0) == 0
    assert await store.republish(2001.0, 0, 2001.0) == 0
    assert await store.republish(2001.0, 9, 2001.0) == 1
    assert await store.republish(2001.0, 9, 2001.0) == 0
    assert len(await store.outbox(10, 3000.0)) == 2


async def test_lists_are_filtered_and_paged_newest_first(store: TaskStore) -> None:
    await submitted(
        store,
        new_task(1, user="ann"),
        new_task(2, user="bob"),
        new_task(3, user="ann", kind=TaskKind.ART),
        new_task(4, user="ann"),
    )
    await store.cancel("task-0004", 2000.0)

    async def ids(before: tuple[float, str] | None = None, limit: int = 9, **which: object) -> list[str]:
        return [task.id for task in await store.newest(TaskFilter(**which), before, limit)]  # type: ignore[arg-type]  # filters by name

    assert await ids() == ["task-0004", "task-0003", "task-0002", "task-0001"]
    assert await ids(limit=2) == ["task-0004", "task-0003"]
    assert await ids((1003.0, "task-0003")) == ["task-0002", "task-0001"]
    assert await ids(user_id="ann", state=TaskState.QUEUED, kind=TaskKind.CYMATIC) == ["task-0001"]


async def test_counts(store: TaskStore) -> None:
    await submitted(store, new_task(1), new_task(2), new_task(3, kind=TaskKind.ART))
    await store.cancel("task-0001", 2000.0)
    assert await store.counts() == {
        (TaskKind.CYMATIC, TaskState.CANCELLED): 1,
        (TaskKind.CYMATIC, TaskState.QUEUED): 1,
        (TaskKind.ART, TaskState.QUEUED): 1,
    }
    await store.ping()


async def test_backlog(store: TaskStore) -> None:
    assert await store.backlog(1000.0) == NO_BACKLOG
    await submitted(store, new_task(1), new_task(2))
    assert await store.backlog(1001.5) == Backlog(1, 0.5)
    await store.published(["task-0001"], 1003.0)
    assert await store.backlog(1003.0) == Backlog(1, 2.0)
    await store.claim("task-0001", "w", 1003.0)
    assert await store.backlog(1003.0) == Backlog(1, 1.0)


async def test_what_ended_long_ago_is_forgotten(store: TaskStore) -> None:
    for number in (1, 2, 3):
        task = await claimed(store, number)
        await store.succeed(task.id, 1, [PICTURE], "{}", 3000.0 + number)
    await submitted(store, new_task(4))
    assert await store.forget(3003.0, 1) == 1
    assert await store.forget(3003.0, 9) == 1
    assert await store.forget(3003.0, 9) == 0
    assert [task.id for task in await store.newest(TaskFilter(), None, 9)] == ["task-0004", "task-0003"]


async def test_only_what_no_task_names_is_unused(store: TaskStore) -> None:
    task = await claimed(store)
    await store.succeed(task.id, 1, [PICTURE, replace(PICTURE, sha256="cd" * 32)], "{}", 2001.0)
    digests = frozenset({PICTURE.sha256, "cd" * 32, "ef" * 32})
    assert await store.unused(digests) == {"ef" * 32}
