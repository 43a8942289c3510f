"""Flower, as it is installed from PyPI, shows the workers and what they did."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mcai.task.v1 import task_pb2
from tests.support.task_replica import celery_worker, task_replica
from tests.support.waiting import eventually

PATIENCE_SECONDS = 60.0


@asynccontextmanager
async def flower(broker_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Flower by the command of task-svc's README, and a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = ("-m", "celery", "--broker", broker_url, "flower", "--address=127.0.0.1", f"--port={port}")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=os.environ | {"FLOWER_UNAUTHENTICATED_API": "true"},  # noqa: TID251 - tests have no settings.py
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=url, timeout=30.0, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.timeout(180)
async def test_flower_shows_the_worker_and_its_tasks(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    place: dict[str, Any] = {
        "database_url": postgres_url,
        "broker_url": redis_url,
        "artifacts_dir": tmp_path / "shared",
    }

    async def asked(path: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = (await client.get(path)).json()
        except httpx2.HTTPError:
            return {}
        return found

    async def shown() -> dict[str, Any] | None:
        # Flower has the workers tell of their tasks, every few seconds those who do not yet.
        task = await replica.submit()
        assert (await replica.ended(task.id)).state == task_pb2.TASK_STATE_SUCCEEDED
        tasks = (await asked("/api/tasks")).values()
        # Of the first ones it may have heard the end alone.
        return next((each for each in tasks if each["name"] and each["state"] == "SUCCESS"), None)

    async with (
        task_replica(tmp_path, worker_grace_seconds=1000, **place) as replica,
        celery_worker(**place),
        flower(redis_url) as client,
    ):
        told = await eventually(shown, PATIENCE_SECONDS)
        assert told is not None
        assert told["name"] == "mcai.run_task"
        # Its id is the task's own, by which people know it.
        assert told["args"] == f"('{told['uuid']}',)"
        assert (await replica.get(told["uuid"])).state == task_pb2.TASK_STATE_SUCCEEDED
        workers = await eventually(lambda: asked("/api/workers?refresh=1"), PATIENCE_SECONDS)
        (worker,) = workers.values()
        assert {each["name"] for each in worker["active_queues"]} == {"art", "music", "cymatic"}
