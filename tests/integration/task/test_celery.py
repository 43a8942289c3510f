"""task-svc with a real PostgreSQL, a real broker and a real Celery worker process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from mcai.task.v1 import task_pb2
from servicekit import degrade
from servicekit.breaker import Breaker
from servicekit.errors import ServiceError, translating
from task_svc.celery_queue import CeleryQueue
from task_svc.model import TaskKind, Ticket
from tests.support.postgres_server import PostgresServer
from tests.support.task_replica import LONG, TaskReplica, celery_worker, pool_processes, task_replica
from tests.support.waiting import eventually

SUCCEEDED = task_pb2.TASK_STATE_SUCCEEDED


@pytest.fixture
def place(tmp_path: Path, postgres_url: str, redis_url: str) -> dict[str, Any]:
    return {"database_url": postgres_url, "broker_url": redis_url, "artifacts_dir": tmp_path / "shared"}


@pytest.fixture
async def replica(tmp_path: Path, place: dict[str, Any]) -> AsyncIterator[TaskReplica]:
    # No pool: whatever is made in these tests, the worker has made. A machine that runs other tests beside
    # may stall for longer than a broker may by default.
    async with task_replica(tmp_path, worker_grace_seconds=1000, broker_budget_ms=3_000, **place) as running:
        yield running


@pytest.fixture
async def worker(place: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    async with celery_worker(**place) as running:
        yield running


@pytest.mark.usefixtures("worker")
async def test_a_worker_makes_what_is_submitted(replica: TaskReplica) -> None:
    with degrade.collecting() as names:
        task = await replica.submit()
        seen = await replica.watched(task.id)
    assert seen[-1].state == SUCCEEDED
    assert seen[-1].attempts == 1
    assert (await replica.downloaded(task.id)).startswith(b"\x89PNG")
    assert not names
    assert pool_processes() == []
    stats = await replica.stub.GetStats(task_pb2.GetStatsRequest())
    assert stats.runner == "celery"


@pytest.mark.usefixtures("worker")
async def test_a_task_that_is_published_many_times_runs_once(
    replica: TaskReplica, place: dict[str, Any]
) -> None:
    tasks = [await replica.submit() for _ in range(3)]
    queue = CeleryQueue(
        SecretStr(place["broker_url"]),
        Breaker("broker", budget_seconds=5, reset_seconds=1),
        dict.fromkeys(TaskKind, 60.0),
    )
    for _ in range(4):
        await queue.publish([Ticket(task.id, TaskKind.CYMATIC, 5) for task in tasks])
    ended = [await replica.ended(task.id) for task in tasks]
    await eventually(lambda: _empty(queue))
    await queue.close()
    assert [task.state for task in ended] == [SUCCEEDED] * 3
    again = [await replica.get(task.id) for task in tasks]
    assert [(task.attempts, task.revision) for task in again] == [(1, task.revision) for task in ended]


async def _empty(queue: Any) -> bool:
    return bool(await queue.waiting() == 0)


@pytest.mark.usefixtures("worker")
async def test_cancelling_stops_the_work(replica: TaskReplica) -> None:
    task = await replica.submit(parameters=LONG)
    await replica.started(task.id)
    assert (await replica.cancel(task.id)).state == task_pb2.TASK_STATE_CANCELLED
    # The worker's only process is free again long before the work could have been finished.
    assert (await replica.ended((await replica.submit()).id)).state == SUCCEEDED
    assert (await replica.get(task.id)).state == task_pb2.TASK_STATE_CANCELLED


async def test_a_killed_worker_loses_nothing(
    replica: TaskReplica, worker: asyncio.subprocess.Process, place: dict[str, Any]
) -> None:
    task = await replica.submit(parameters={"size_pixels": 512, "frequency_hz": 20_000})
    await replica.started(task.id)
    os.killpg(worker.pid, signal.SIGKILL)
    await worker.wait()
    async with celery_worker(**place):
        done = await replica.ended(task.id)
    assert (done.state, done.attempts) == (SUCCEEDED, 2)


async def test_a_broker_that_lost_everything_is_filled_again(
    tmp_path: Path, place: dict[str, Any], redis_server: Any
) -> None:
    async with task_replica(tmp_path, ticket_seconds=0.2, worker_grace_seconds=1000, **place) as replica:
        task = await replica.submit()
        await eventually(lambda: replica.metric("mcai_task_tickets_published_total") >= 1)
        redis_server.flush()
        async with celery_worker(**place):
            assert (await replica.ended(task.id)).state == SUCCEEDED


async def test_two_replicas_see_the_same_tasks(tmp_path: Path, place: dict[str, Any]) -> None:
    (tmp_path / "other").mkdir()
    # Nobody polls: what a watcher sees, it was told of, whoever has changed it.
    untold = {**place, "poll_seconds": 1000}
    async with (
        task_replica(tmp_path, **untold) as one,
        task_replica(tmp_path / "other", **untold) as other,
        celery_worker(**place),
    ):
        task = await one.submit(request_id="shared")
        watchers = [each.watched(task.id) for each in (one, other) for _ in range(5)]
        for seen in await asyncio.gather(*watchers):
            states = [each.state for each in seen]
            assert states == sorted(states)
            assert states[-1] == SUCCEEDED
        assert await other.downloaded(task.id) == await one.downloaded(task.id)
        assert (await other.submit(request_id="shared")).id == task.id
        # Whoever comes back is sent what they have missed.
        missed = await other.watched(task.id, after_revision=1)
        assert [missed[0].state, missed[-1].state] == [task_pb2.TASK_STATE_RUNNING, SUCCEEDED]


async def test_a_watcher_misses_nothing_while_notifications_are_lost(
    replica: TaskReplica, tmp_path: Path, place: dict[str, Any], postgres_server: PostgresServer
) -> None:
    (tmp_path / "other").mkdir()
    async with task_replica(tmp_path / "other", **place, poll_seconds=1000) as other:
        task = await replica.submit()
        watching = asyncio.create_task(other.watched(task.id))
        await eventually(lambda: _listeners(postgres_server))
        postgres_server.disconnect_everybody()
        cancelled = await eventually(lambda: _cancelled(replica, task.id))
        assert (await watching)[-1] == cancelled


def _listeners(server: PostgresServer) -> bool:
    with psycopg.connect(server.url("postgres")) as connection:
        found = connection.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        return len(found.fetchall()) >= 2


async def _cancelled(replica: TaskReplica, task_id: str) -> task_pb2.Task | None:
    try:
        with translating("task-svc"):
            return await replica.cancel(task_id)
    except ServiceError:
        return None
