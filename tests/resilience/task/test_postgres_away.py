"""PostgreSQL is away: submissions are journalled and replayed once, and running work goes on."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcai.task.v1 import task_pb2
from servicekit import degrade
from servicekit.errors import Conflict, Unavailable, translating
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy
from tests.support.task_replica import SMALL, TaskReplica, task_replica
from tests.support.waiting import eventually

QUEUED, RUNNING, SUCCEEDED = (
    task_pb2.TASK_STATE_QUEUED,
    task_pb2.TASK_STATE_RUNNING,
    task_pb2.TASK_STATE_SUCCEEDED,
)
COMMITTED, JOURNALLED = task_pb2.DURABILITY_COMMITTED, task_pb2.DURABILITY_JOURNALLED


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(postgres_server.socket_path) as running:
        yield running


@pytest.fixture
def place(postgres_server: PostgresServer, postgres_database: str, proxy: FaultyProxy) -> dict[str, Any]:
    url = postgres_server.url(postgres_database, address=proxy.address)
    return {"database_url": url, "store_budget_ms": 500}


@pytest.fixture
async def replica(tmp_path: Path, place: dict[str, Any]) -> AsyncIterator[TaskReplica]:
    async with task_replica(tmp_path, **place) as running:
        yield running


async def break_it(proxy: FaultyProxy, fault: str) -> None:
    await (proxy.refuse() if fault == "refuse" else proxy.hang())


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_a_submission_is_journalled_and_replayed_once(
    replica: TaskReplica, proxy: FaultyProxy, fault: str
) -> None:
    before = await replica.submission()
    assert before.durability == COMMITTED
    await break_it(proxy, fault)

    with degrade.collecting() as names:
        answer = await replica.submission(request_id="once", parameters={**SMALL, "seed": 3})
    assert answer.durability == JOURNALLED
    assert "postgres" in names
    assert (await replica.submission(request_id="once", parameters={**SMALL, "seed": 3})).task == answer.task
    with pytest.raises(Conflict), translating("task-svc"):
        await replica.submission(request_id="once")
    assert (await replica.get(answer.task.id)).state == QUEUED
    with pytest.raises(Unavailable), translating("task-svc"):
        await replica.get(before.task.id)
    with pytest.raises(Unavailable), translating("task-svc"):
        await replica.stub.ListTasks(task_pb2.ListTasksRequest())

    watching = asyncio.create_task(replica.watched(answer.task.id))
    await proxy.pass_through()
    seen = await watching
    assert seen[-1].state == SUCCEEDED
    assert seen[-1].attempts == 1
    listed = await replica.stub.ListTasks(task_pb2.ListTasksRequest())
    assert {task.id for task in listed.tasks} == {before.task.id, answer.task.id}
    assert (
        await replica.submission(request_id="once", parameters={**SMALL, "seed": 3})
    ).durability == COMMITTED
    assert not await replica.degraded_on_submit()


async def test_a_black_hole_costs_the_budget_once(replica: TaskReplica, proxy: FaultyProxy) -> None:
    await replica.submit()
    await proxy.hang()
    started = time.monotonic()
    for _ in range(20):
        assert (await replica.submission()).durability == JOURNALLED
    # If each of them paid the budget, they would take 10 s.
    assert time.monotonic() - started < 5


async def test_the_service_starts_without_its_store(
    tmp_path: Path, place: dict[str, Any], proxy: FaultyProxy
) -> None:
    await proxy.refuse()
    async with task_replica(tmp_path, **place) as replica:
        answer = await replica.submission()
        assert answer.durability == JOURNALLED
    # The journal outlives the process, as the store's outage does.
    async with task_replica(tmp_path, **place) as replica:
        assert (await replica.get(answer.task.id)).state == QUEUED
        await proxy.pass_through()
        assert (await replica.ended(answer.task.id)).state == SUCCEEDED


async def test_what_is_being_made_is_kept_until_the_store_is_back(
    replica: TaskReplica, proxy: FaultyProxy, tmp_path: Path
) -> None:
    task = await replica.submit(parameters={"size_pixels": 256, "frequency_hz": 20_000})
    await replica.started(task.id)
    await proxy.refuse()
    # The artefact is there, and the attempt waits for the store to take its result.
    await eventually(lambda: any((tmp_path / "artifacts").glob("??/*")), 30)
    outcome = {"kind": "cymatic", "outcome": "succeeded"}
    assert replica.metric("mcai_task_attempts_total", **outcome) == 0
    await proxy.pass_through()
    await eventually(lambda: replica.metric("mcai_task_attempts_total", **outcome) == 1)
    done = await replica.get(task.id)
    assert (done.state, done.attempts) == (SUCCEEDED, 1)


async def test_a_restarted_store_is_used_at_once(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    # A generous budget: a machine that is busy with other tests is no absent store.
    async with task_replica(tmp_path, database_url=postgres_url, store_budget_ms=10_000) as replica:
        await asyncio.gather(*(replica.submit() for _ in range(10)))
        postgres_server.disconnect_everybody()
        answers = await asyncio.gather(*(replica.submission() for _ in range(5)))
        assert {answer.durability for answer in answers} == {COMMITTED}
