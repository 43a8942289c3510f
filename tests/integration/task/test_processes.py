"""Processes of the local pool and of the workers: renewed after some jobs, and stopped in the middle."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from task_svc.model import TaskKind
from task_svc.parameters import completed
from task_svc.processes import ProcessGenerator
from tests.support.task_replica import pool_processes
from tests.support.waiting import eventually

SMALL = completed(TaskKind.CYMATIC, '{"size_pixels": 64}')
LONG = completed(TaskKind.CYMATIC, '{"size_pixels": 2048, "frequency_hz": 20000}')


def ignored(_percent: float, _stage: str) -> None:
    """A progress report that nobody reads."""


async def test_a_process_is_renewed_after_some_jobs(tmp_path: Path) -> None:
    generator = ProcessGenerator(1, 1000, jobs_per_process=2)
    seen = []
    for _ in range(4):
        await generator.generate(TaskKind.CYMATIC, SMALL, tmp_path, lambda *_: seen.extend(generator.pids))
    await generator.close()
    assert len(set(seen)) == 2
    await eventually(lambda: pool_processes() == [])


async def test_a_cancelled_job_ends_its_process(tmp_path: Path) -> None:
    generator = ProcessGenerator(1, 1000)
    job = asyncio.create_task(generator.generate(TaskKind.CYMATIC, LONG, tmp_path, ignored))
    await eventually(lambda: generator.pids)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert pool_processes() == []
    await generator.close()


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has a class of processes that wait for all others"
)
async def test_the_work_gives_way_to_everybody(tmp_path: Path) -> None:
    generator = ProcessGenerator(1, 1000)
    seen: set[tuple[int, int]] = set()

    def note(_percent: float, _stage: str) -> None:
        (pid,) = generator.pids
        seen.add((os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)))

    await generator.generate(TaskKind.CYMATIC, SMALL, tmp_path, note)
    await generator.close()

    assert seen == {(os.SCHED_IDLE, 19)}
