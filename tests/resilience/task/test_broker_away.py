"""The broker or the workers are away: the local pool does the work, and the caller is told."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcai.task.v1 import task_pb2
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.task_replica import LONG, TaskReplica, celery_worker, pool_processes, task_replica
from tests.support.waiting import eventually

SUCCEEDED = task_pb2.TASK_STATE_SUCCEEDED


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[FaultyProxy]:
    redis_server.flush()
    async with FaultyProxy(redis_server.address) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, postgres_url: str) -> dict[str, Any]:
    return {"database_url": postgres_url, "artifacts_dir": tmp_path / "shared"}


@pytest.fixture
async def replica(
    tmp_path: Path, place: dict[str, Any], redis_server: RedisServer, proxy: FaultyProxy
) -> AsyncIterator[TaskReplica]:
    url = redis_server.url(address=proxy.address)
    # A busy machine must not pass for an absent worker.
    async with task_replica(tmp_path, broker_url=url, worker_grace_seconds=1000, **place) as running:
        yield running


def attempts_here(replica: TaskReplica) -> float:
    """Attempts that succeeded in the local pool."""
    return replica.metric("mcai_task_attempts_total", kind="cymatic", outcome="succeeded")


async def all_done(replica: TaskReplica) -> bool:
    stats = await replica.stub.GetStats(task_pb2.GetStatsRequest())
    return all(each.state == SUCCEEDED for each in stats.counts)


async def degraded(replica: TaskReplica) -> bool:
    return "broker" in await replica.degraded_on_submit()


async def whole(replica: TaskReplica) -> bool:
    return not await replica.degraded_on_submit()


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_the_pool_works_while_the_broker_is_away_and_the_worker_after_its_return(
    replica: TaskReplica, place: dict[str, Any], redis_server: RedisServer, proxy: FaultyProxy, fault: str
) -> None:
    async with celery_worker(broker_url=redis_server.url(address=proxy.address), **place):
        await eventually(lambda: whole(replica))
        await eventually(lambda: all_done(replica))
        made_here = attempts_here(replica)
        assert (await replica.ended((await replica.submit()).id)).state == SUCCEEDED
        assert attempts_here(replica) == made_here

        await (proxy.refuse() if fault == "refuse" else proxy.hang())
        await eventually(lambda: degraded(replica))
        task = await replica.submit()
        assert (await replica.ended(task.id)).state == SUCCEEDED
        await eventually(lambda: attempts_here(replica) > made_here)
        stats = await replica.stub.GetStats(task_pb2.GetStatsRequest())
        assert stats.runner == "local"

        await proxy.pass_through()
        await eventually(lambda: whole(replica), 30)
        assert (await replica.ended((await replica.submit()).id)).state == SUCCEEDED


async def test_a_hanging_broker_keeps_no_caller_waiting(replica: TaskReplica, proxy: FaultyProxy) -> None:
    await proxy.hang()
    started = time.monotonic()
    for _ in range(20):
        await replica.submit()
    # If each of them paid the broker's budget, they would take 18 s.
    assert time.monotonic() - started < 9


async def test_without_any_worker_the_pool_stands_in(
    tmp_path: Path, place: dict[str, Any], redis_url: str
) -> None:
    async with task_replica(tmp_path, broker_url=redis_url, **place) as replica:
        task = await replica.submit()
        assert (await replica.ended(task.id)).state == SUCCEEDED
        assert await degraded(replica)


async def test_a_task_of_the_pool_can_be_cancelled_while_the_broker_hangs(
    replica: TaskReplica, proxy: FaultyProxy
) -> None:
    await proxy.refuse()
    task = await replica.submit(parameters=LONG)
    await replica.started(task.id)
    await proxy.hang()
    assert (await replica.cancel(task.id)).state == task_pb2.TASK_STATE_CANCELLED
    await eventually(lambda: pool_processes() == [])
