"""A Celery worker whose broker goes away in an awkward moment: it can be ended, and works on its return."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcai.task.v1 import task_pb2
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.task_replica import LONG, TaskReplica, celery_worker, task_replica
from tests.support.waiting import eventually

END_SECONDS = 30.0


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[FaultyProxy]:
    redis_server.flush()
    async with FaultyProxy(redis_server.address) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, postgres_url: str) -> dict[str, Any]:
    # The worker alone loses its broker, so the pool does not stand in.
    return {
        "database_url": postgres_url,
        "artifacts_dir": tmp_path / "shared",
        "worker_grace_seconds": 1000,
        "silence_seconds": 1000,
    }


@pytest.fixture
async def replica(
    tmp_path: Path, place: dict[str, Any], redis_server: RedisServer
) -> AsyncIterator[TaskReplica]:
    async with task_replica(tmp_path, broker_url=redis_server.url(), **place) as running:
        yield running


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_it_ends_when_told_also_in_the_middle_of_an_answer(
    replica: TaskReplica, place: dict[str, Any], redis_server: RedisServer, proxy: FaultyProxy, fault: str
) -> None:
    async with celery_worker(broker_url=redis_server.url(address=proxy.address), **place) as worker:
        task = await replica.submit(parameters=LONG)
        await replica.started(task.id)
        await replica.cancel(task.id)
        # The service asks all the time whether it is there, so that from now on it is always about to answer.
        await proxy.delay(0.2)
        passed = proxy.round_trips
        await eventually(lambda: proxy.round_trips > passed + 5)
        await (proxy.refuse() if fault == "refuse" else proxy.hang())
        worker.terminate()
        async with asyncio.timeout(END_SECONDS):
            assert await worker.wait() == 0


async def test_it_goes_on_after_an_acknowledgement_that_did_not_get_through(
    replica: TaskReplica, place: dict[str, Any], redis_server: RedisServer, proxy: FaultyProxy
) -> None:
    async with celery_worker(broker_url=redis_server.url(address=proxy.address), **place):
        task = await replica.submit(parameters=LONG)
        await replica.started(task.id)
        await proxy.hang()
        connections = proxy.accepted
        await replica.cancel(task.id)
        # It gives up on the silent connection and makes another.
        await eventually(lambda: proxy.accepted > connections, END_SECONDS)
        await proxy.pass_through()
        after = await replica.ended((await replica.submit()).id)
        assert after.state == task_pb2.TASK_STATE_SUCCEEDED
