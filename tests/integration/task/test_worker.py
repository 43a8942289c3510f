"""The end of a Celery worker, and of what it was doing."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mcai.task.v1 import task_pb2
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.task_replica import LONG, TaskReplica, celery_worker, task_replica
from tests.support.waiting import eventually

QUEUED, CANCELLED = task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_CANCELLED


def generators(worker: asyncio.subprocess.Process) -> list[psutil.Process]:
    """The processes in which a worker's tasks are made."""
    return [
        child
        for child in psutil.Process(worker.pid).children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE and "task_svc.pool_child" in child.cmdline()
    ]


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[FaultyProxy]:
    redis_server.flush()
    async with FaultyProxy(redis_server.address) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, postgres_url: str, redis_server: RedisServer, proxy: FaultyProxy) -> dict[str, Any]:
    return {
        "database_url": postgres_url,
        "broker_url": redis_server.url(address=proxy.address),
        "artifacts_dir": tmp_path / "shared",
        "worker_grace_seconds": 1000,
    }


@pytest.fixture
async def replica(tmp_path: Path, place: dict[str, Any]) -> AsyncIterator[TaskReplica]:
    async with task_replica(tmp_path, **place, silence_seconds=1000) as running:
        yield running


async def test_a_worker_that_is_told_to_end_gives_back_what_it_cannot_finish(
    replica: TaskReplica, place: dict[str, Any], tmp_path: Path
) -> None:
    async with celery_worker(**place, drain_seconds=0.1) as worker:
        task = await replica.submit(parameters=LONG)
        await replica.started(task.id)
        worker.terminate()
        await worker.wait()
    given_back = await replica.get(task.id)
    assert (given_back.state, given_back.attempts, given_back.error) == (QUEUED, 1, "")
    assert list((tmp_path / "shared" / "scratch").iterdir()) == []
    async with celery_worker(**place):
        assert (await replica.started(task.id)).attempts == 2
        await replica.cancel(task.id)


async def test_cancelling_kills_the_work_also_while_the_broker_is_away(
    replica: TaskReplica, place: dict[str, Any], proxy: FaultyProxy, tmp_path: Path
) -> None:
    async with celery_worker(**place) as worker:
        task = await replica.submit(parameters=LONG)
        await replica.started(task.id)
        await eventually(lambda: generators(worker))
        await proxy.refuse()
        assert (await replica.cancel(task.id)).state == CANCELLED
        await eventually(lambda: generators(worker) == [])
        await eventually(lambda: not list((tmp_path / "shared" / "scratch").iterdir()))
        assert [path for path in (tmp_path / "shared").rglob("*") if path.is_file()] == []


async def test_urgent_tasks_go_first_and_one_that_kills_its_process_each_time_blocks_nobody(
    replica: TaskReplica, place: dict[str, Any]
) -> None:
    late = await replica.submit(priority=1)
    urgent = await replica.submit(priority=9)
    await eventually(lambda: replica.metric("mcai_task_tickets_published_total") == 2)
    async with celery_worker(**place) as worker:
        done_late, done_urgent = await replica.ended(late.id), await replica.ended(urgent.id)
        assert done_urgent.start_time.ToNanoseconds() < done_late.start_time.ToNanoseconds()

        poison = await replica.submit(parameters=LONG, priority=9)
        behind = await replica.submit()
        for attempt in (1, 2, 3):
            await replica.attempted(poison.id, attempt)
            for process in await eventually(lambda: generators(worker)):
                process.kill()
        failed = await replica.ended(poison.id)
        assert failed.state == task_pb2.TASK_STATE_FAILED
        assert failed.error == "The worker process was killed (SIGKILL). It was tried 3 times."
        assert (await replica.ended(behind.id)).state == task_pb2.TASK_STATE_SUCCEEDED


async def test_a_worker_makes_only_what_it_is_for(replica: TaskReplica, place: dict[str, Any]) -> None:
    async with celery_worker(**place, worker_queues="art,music"), celery_worker(**place) as other:
        task = await replica.ended((await replica.submit()).id)
        assert task.state == task_pb2.TASK_STATE_SUCCEEDED
        assert generators(other)


async def test_an_unknown_queue_is_one_sentence(place: dict[str, Any]) -> None:
    async with celery_worker(**place, worker_queues="art,poetry") as worker:
        assert await worker.wait() == 2


async def test_an_end_that_took_too_long_ends_the_worker_and_its_processes() -> None:
    script = (
        "import sys, time; from billiard import Process; from task_svc.worker import _end\n"
        "child = Process(target=sys.stdin.read); child.start(); print(child.pid, flush=True); _end()"
    )
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    child = psutil.Process(int(await worker.stdout.readline()))

    assert await worker.wait() == 0
    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
