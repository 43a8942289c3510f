"""A task-svc as its composition root runs it, in the test's own loop, a client of it, and a worker."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import CollectorRegistry

from mcai.task.v1 import task_pb2, task_pb2_grpc
from servicekit import degrade
from servicekit.channel import open_channel
from servicekit.server import GrpcServer
from servicekit.settings import load
from task_svc.__main__ import running
from task_svc.settings import TaskSettings
from tests.support.waiting import eventually

CALL_SECONDS = 30.0
# Waits that a test would only sit through; the relations between them are as in production.
QUICK = {
    "beat_seconds": 0.2,
    "progress_seconds": 0.02,
    "silence_seconds": 1.5,
    "reconcile_seconds": 0.1,
    "relay_seconds": 0.1,
    "poll_seconds": 0.05,
    "worker_grace_seconds": 0.5,
    "retry_wait_seconds": 0.0,
}
SMALL = {"size_pixels": 64}
# Ten seconds of work and more: a test that stops it or kills it has all the time it needs.
LONG = {"size_pixels": 2048, "frequency_hz": 20_000}

TERMINAL = {task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED}


@dataclass(frozen=True, slots=True)
class TaskReplica:
    """A running replica and a client of it."""

    server: GrpcServer
    registry: CollectorRegistry
    stub: "task_pb2_grpc.TaskServiceAsyncStub"

    async def submit(
        self, *, kind: task_pb2.TaskKind.ValueType = task_pb2.TASK_KIND_CYMATIC, **fields: Any
    ) -> task_pb2.Task:
        """Submits a task; `parameters` is a dict."""
        return (await self.submission(kind=kind, **fields)).task

    async def submission(
        self,
        *,
        kind: task_pb2.TaskKind.ValueType = task_pb2.TASK_KIND_CYMATIC,
        parameters: dict[str, Any] | None = None,
        **fields: Any,
    ) -> task_pb2.SubmitTaskResponse:
        """The whole answer of a submission."""
        text = json.dumps(SMALL if parameters is None else parameters)
        return await self.stub.SubmitTask(
            task_pb2.SubmitTaskRequest(kind=kind, parameters_json=text, **fields)
        )

    async def get(self, task_id: str) -> task_pb2.Task:
        """The task as it is now."""
        return (await self.stub.GetTask(task_pb2.GetTaskRequest(task_id=task_id))).task

    async def cancel(self, task_id: str) -> task_pb2.Task:
        """Cancels a task."""
        return (await self.stub.CancelTask(task_pb2.CancelTaskRequest(task_id=task_id))).task

    async def watched(
        self, task_id: str, *, until: int | None = None, after_revision: int = 0
    ) -> list[task_pb2.Task]:
        """All that a watcher sees, up to the end or to the state `until`."""
        seen = []
        call = self.stub.WatchTask(task_pb2.WatchTaskRequest(task_id=task_id, after_revision=after_revision))
        async for response in call:
            seen.append(response.task)
            if response.task.state == until:
                call.cancel()
                break
        return seen

    async def ended(self, task_id: str) -> task_pb2.Task:
        """The task in its terminal state."""
        return (await self.watched(task_id))[-1]

    async def started(self, task_id: str) -> task_pb2.Task:
        """The task once it is running."""
        return (await self.watched(task_id, until=task_pb2.TASK_STATE_RUNNING))[-1]

    async def attempted(self, task_id: str, attempt: int) -> None:
        """Waits until that attempt at the task is running."""

        async def running() -> bool:
            task = await self.get(task_id)
            return task.state == task_pb2.TASK_STATE_RUNNING and task.attempts == attempt

        await eventually(running, CALL_SECONDS)

    async def downloaded(self, task_id: str, name: str = "pattern.png", **fields: int) -> bytes:
        """An artefact's bytes."""
        request = task_pb2.DownloadArtifactRequest(task_id=task_id, name=name, **fields)
        return b"".join([piece.chunk async for piece in self.stub.DownloadArtifact(request)])

    async def degraded_on_submit(self) -> frozenset[str]:
        """Submits a task that nothing is asked of, and returns what the answer was made without."""
        with degrade.collecting() as names:
            await self.submit()
        return frozenset(names)

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric; 0 before its first change."""
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def task_replica(data_dir: Path, name: str = "task", **settings: Any) -> AsyncIterator[TaskReplica]:
    """A replica on `data_dir`, by default in embedded mode."""
    chosen = {"listen": f"unix:{data_dir}/{name}.sock", "data_dir": data_dir, **QUICK, **settings}
    registry = CollectorRegistry()
    async with running(load(TaskSettings, **chosen), registry) as server:
        channel = open_channel(
            server.address,
            services=[task_pb2.DESCRIPTOR.services_by_name["TaskService"]],
            token=None,
            timeout_seconds=CALL_SECONDS,
            only_serving=False,
        )
        async with channel:
            yield TaskReplica(server, registry, task_pb2_grpc.TaskServiceStub(channel))


def pool_processes() -> list[psutil.Process]:
    """The live pool processes that this test process has started."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "task_svc.pool_child" in child.cmdline()
    ]


@asynccontextmanager
async def celery_worker(**settings: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real `mcai-task-worker` with one process; its settings travel as its environment."""
    chosen = {**QUICK, "worker_processes": 1, "log_level": "WARNING", **settings}
    environment = {f"MCAI_{name.upper()}": str(value) for name, value in chosen.items()}
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "task_svc.worker",
        env=os.environ | environment,  # noqa: TID251 - tests have no settings.py
        start_new_session=True,
    )
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.terminate()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await worker.wait()
        except TimeoutError:
            # Its processes too, which it leads: the next test must not meet them.
            os.killpg(worker.pid, signal.SIGKILL)
            raise
