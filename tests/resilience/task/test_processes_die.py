"""Processes are killed: tasks are tried again, given up with a reason, and never lost."""

from pathlib import Path

import pytest

from mcai.task.v1 import task_pb2
from servicekit.errors import DataLoss, translating
from tests.support.task_replica import LONG, TaskReplica, pool_processes, task_replica
from tests.support.waiting import eventually

QUEUED, RUNNING = task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING
SUCCEEDED, FAILED = task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_FAILED


async def kill_the_process_of(replica: TaskReplica, task_id: str, attempt: int) -> None:
    async def attempted() -> bool:
        task = await replica.get(task_id)
        return task.state == RUNNING and task.attempts == attempt and bool(pool_processes())

    await eventually(attempted)
    for process in pool_processes():
        process.kill()


async def test_a_killed_pool_process_is_replaced_and_the_task_tried_again(tmp_path: Path) -> None:
    async with task_replica(tmp_path, local_pool_processes=1) as replica:
        task = await replica.submit(parameters={"size_pixels": 512, "frequency_hz": 20_000})
        await kill_the_process_of(replica, task.id, 1)
        done = await replica.ended(task.id)
        assert (done.state, done.attempts, done.error) == (SUCCEEDED, 2, "")


async def test_a_task_that_kills_its_process_each_time_fails_and_blocks_nobody(tmp_path: Path) -> None:
    async with task_replica(tmp_path, local_pool_processes=1) as replica:
        task = await replica.submit(parameters=LONG, priority=9)
        behind = await replica.submit()
        for attempt in (1, 2, 3):
            await kill_the_process_of(replica, task.id, attempt)
        failed = await replica.ended(task.id)
        assert failed.state == FAILED
        assert failed.error == "The worker process was killed (SIGKILL). It was tried 3 times."
        assert (await replica.ended(behind.id)).state == SUCCEEDED


async def test_a_restart_keeps_what_was_queued_and_what_was_running(tmp_path: Path) -> None:
    async with task_replica(tmp_path, local_pool_processes=1) as replica:
        running = await replica.submit(parameters=LONG)
        queued = await replica.submit(parameters={"size_pixels": 64, "seed": 5})
        await replica.started(running.id)
    assert pool_processes() == []

    async with task_replica(tmp_path, local_pool_processes=1) as replica:
        again = await replica.started(running.id)
        assert again.attempts == 2
        await replica.cancel(running.id)
        done = await replica.ended(queued.id)
        assert (done.state, done.attempts) == (SUCCEEDED, 1)


async def test_an_idle_pool_has_no_processes(tmp_path: Path) -> None:
    async with task_replica(tmp_path, local_pool_idle_seconds=0.05) as replica:
        assert pool_processes() == []
        assert (await replica.ended((await replica.submit()).id)).state == SUCCEEDED
        await eventually(lambda: pool_processes() == [])
        assert (await replica.ended((await replica.submit()).id)).state == SUCCEEDED


async def test_a_damaged_artefact_is_told_and_not_served(tmp_path: Path) -> None:
    async with task_replica(tmp_path) as replica:
        done = await replica.ended((await replica.submit()).id)
        digest = done.artifacts[0].sha256
        path = tmp_path / "artifacts" / digest[:2] / digest
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(DataLoss, match="damaged"), translating("task-svc"):
            await replica.downloaded(done.id)
