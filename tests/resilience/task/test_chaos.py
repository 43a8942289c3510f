"""Two hundred tasks while everything is killed in turn: all completed, each once, nothing lost."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mcai.task.v1 import task_pb2
from servicekit.errors import ServiceError, translating
from task_svc.art.parameters import STYLES
from task_svc.music.moods import MOODS
from tests.support.task_chaos import ChaosHouse, chaos_house
from tests.support.waiting import eventually

TASKS = 200
CLIENTS = 8
PATIENCE_SECONDS = 150.0
SUCCEEDED = task_pb2.TASK_STATE_SUCCEEDED


def pattern(number: int, large: bool) -> tuple[task_pb2.TaskKind.ValueType, dict[str, Any]]:
    plate = "square" if number % 2 else "circular"
    parameters = {"size_pixels": 384 if large else 64, "frequency_hz": 20 + 97 * number, "plate": plate}
    return task_pb2.TASK_KIND_CYMATIC, parameters


def picture(number: int, large: bool) -> tuple[task_pb2.TaskKind.ValueType, dict[str, Any]]:
    style = STYLES[number % len(STYLES)]
    return task_pb2.TASK_KIND_ART, {"style": style, "size_pixels": 384 if large else 64}


def piece(number: int, large: bool) -> tuple[task_pb2.TaskKind.ValueType, dict[str, Any]]:
    mood = list(MOODS)[number % len(MOODS)]
    return task_pb2.TASK_KIND_MUSIC, {"mood": mood, "duration_seconds": 10.0 if large else 5.0}


ORDERS = (pattern, picture, pattern, piece)


def order(number: int) -> task_pb2.SubmitTaskRequest:
    """The order of a number: mostly quick ones, some that a kill meets in the middle; no two alike."""
    kind, parameters = ORDERS[number % len(ORDERS)](number, number % 20 == 0)
    return task_pb2.SubmitTaskRequest(
        kind=kind,
        user_id=f"user-{number % 7}",
        parameters_json=json.dumps({**parameters, "seed": number}),
        priority=1 + number % 9,
        request_id=f"chaos-{number}",
    )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[ChaosHouse]:
    async with chaos_house(tmp_path) as running:
        yield running


async def insisting(call: Callable[[], Awaitable[task_pb2.SubmitTaskResponse]]) -> task_pb2.Task:
    """The answer, once there is one: what a client does whose request has an id."""

    async def answered() -> task_pb2.SubmitTaskResponse | None:
        try:
            with translating("task-svc"):
                return await call()
        except ServiceError:
            return None

    response = await eventually(answered, PATIENCE_SECONDS)
    assert response is not None
    return response.task


async def submit_all(house: ChaosHouse, accepted: dict[int, str]) -> None:
    """Submits all orders, a few clients at a time, and notes the ids that were promised."""
    waiting = iter(range(TASKS))

    async def client() -> None:
        for number in waiting:
            task = await insisting(lambda: house.stub.SubmitTask(order(number)))  # noqa: B023 - awaited here
            accepted[number] = task.id

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def count(house: ChaosHouse) -> int:
    """Tasks that have succeeded; -1 while nobody can tell."""
    try:
        with translating("task-svc"):
            stats = await house.stub.GetStats(task_pb2.GetStatsRequest())
    except ServiceError:
        return -1
    return sum(each.count for each in stats.counts if each.state == SUCCEEDED)


async def havoc(house: ChaosHouse, accepted: dict[int, str]) -> None:
    """Kills and restarts each part in turn, each time in the middle of the work."""

    async def kill_worker(number: int) -> None:
        await house.workers[number].end()
        await house.workers[number].start()

    async def kill_redis() -> None:
        await house.redis.end()
        await house.redis.start()

    async def kill_service() -> None:
        await house.service.end()
        await house.service.start()

    async def kill_postgres() -> None:
        await asyncio.to_thread(house.postgres.kill)
        await asyncio.to_thread(house.postgres.start)

    steps: list[Callable[[], Awaitable[None]]] = [
        lambda: kill_worker(0), kill_redis, kill_service, kill_postgres,
        lambda: kill_worker(1), kill_postgres, kill_redis, lambda: kill_worker(0),
    ]  # fmt: skip
    for number, step in enumerate(steps):
        await eventually(lambda: len(accepted) >= TASKS * number // len(steps), PATIENCE_SECONDS)  # noqa: B023
        done = await eventually(lambda: _known(house), PATIENCE_SECONDS) - 1
        await step()
        await eventually(lambda: _more_than(house, min(done, TASKS - 1)), PATIENCE_SECONDS)  # noqa: B023


async def _known(house: ChaosHouse) -> int:
    """One more than the tasks that have succeeded; 0 while nobody can tell."""
    return await count(house) + 1


async def _more_than(house: ChaosHouse, done: int) -> bool:
    return await count(house) > done


@pytest.mark.timeout(300)
async def test_everything_is_completed_once_whatever_is_killed(house: ChaosHouse) -> None:
    accepted: dict[int, str] = {}
    await asyncio.gather(submit_all(house, accepted), havoc(house, accepted))
    await eventually(lambda: _more_than(house, TASKS - 1), PATIENCE_SECONDS)

    stats = await house.stub.GetStats(task_pb2.GetStatsRequest())
    assert {each.state for each in stats.counts} == {SUCCEEDED}
    assert sum(each.count for each in stats.counts) == TASKS
    assert stats.journalled == 0
    digests: set[str] = set()
    made: set[frozenset[str]] = set()
    for task_id in accepted.values():
        task = (await house.stub.GetTask(task_pb2.GetTaskRequest(task_id=task_id))).task
        assert task.artifacts
        for artifact in task.artifacts:
            request = task_pb2.DownloadArtifactRequest(task_id=task_id, name=artifact.name)
            content = b"".join([piece.chunk async for piece in house.stub.DownloadArtifact(request)])
            assert hashlib.sha256(content).hexdigest() == artifact.sha256
            assert len(content) == artifact.size_bytes
        made.add(frozenset(artifact.sha256 for artifact in task.artifacts))
        digests.update(*made)
    assert len(made) == TASKS
    assert {path.name for path in house.artifacts.glob("??/*")} == digests
    # A process may be killed between its commit and the line in its log, so that a line may be missing.
    successes = house.successes()
    assert set(successes.values()) == {1}
    assert set(successes) <= set(accepted.values())
    assert len(successes) > TASKS * 0.9
