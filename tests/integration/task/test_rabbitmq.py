"""task-svc and a Celery worker on RabbitMQ, and the local pool while it is away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mcai.task.v1 import task_pb2
from servicekit.breaker import Breaker
from task_svc.celery_queue import CeleryQueue
from task_svc.model import TaskKind, Ticket
from tests.support.proxy import FaultyProxy
from tests.support.rabbitmq_server import RabbitmqServer
from tests.support.task_replica import LONG, TaskReplica, celery_worker, task_replica
from tests.support.waiting import eventually

SUCCEEDED = task_pb2.TASK_STATE_SUCCEEDED
PATIENCE_SECONDS = 30.0


@pytest.fixture
async def proxy(rabbitmq_server: RabbitmqServer, rabbitmq_url: str) -> AsyncIterator[FaultyProxy]:
    assert rabbitmq_url
    async with FaultyProxy(rabbitmq_server.address) as running:
        yield running


@pytest.fixture
def place(
    tmp_path: Path, postgres_url: str, rabbitmq_server: RabbitmqServer, proxy: FaultyProxy
) -> dict[str, Any]:
    return {
        "database_url": postgres_url,
        "broker_url": rabbitmq_server.url(address=proxy.address),
        "artifacts_dir": tmp_path / "shared",
    }


async def made_by(replica: TaskReplica, runner: str) -> bool:
    """Whether a fresh task succeeds while that runner is the one."""
    task = await replica.ended((await replica.submit()).id)
    stats = await replica.stub.GetStats(task_pb2.GetStatsRequest())
    return task.state == SUCCEEDED and stats.runner == runner


async def test_a_task_that_is_published_many_times_runs_once_and_a_cancelled_one_not_at_all(
    tmp_path: Path, place: dict[str, Any]
) -> None:
    # No pool: whatever is made here, the worker has made.
    async with task_replica(tmp_path, worker_grace_seconds=1000, **place) as replica:
        queue = CeleryQueue(
            SecretStr(place["broker_url"]),
            Breaker("broker", budget_seconds=20, reset_seconds=0.1),
            dict.fromkeys(TaskKind, 60.0),
        )
        tasks = [await replica.submit() for _ in range(3)]
        cancelled = await replica.submit(parameters=LONG)
        await eventually(lambda: replica.metric("mcai_task_tickets_published_total") >= 4)
        await replica.cancel(cancelled.id)
        for _ in range(3):
            await queue.publish([Ticket(task.id, TaskKind.CYMATIC, 5) for task in (*tasks, cancelled)])
        async with celery_worker(**place):
            ended = [await replica.ended(task.id) for task in tasks]

            async def empty() -> bool:
                return await queue.waiting() == 0

            await eventually(empty, PATIENCE_SECONDS)
        await queue.close()
        assert [task.state for task in ended] == [SUCCEEDED] * 3
        again = [await replica.get(task.id) for task in tasks]
        assert [(task.attempts, task.revision) for task in again] == [(1, task.revision) for task in ended]
        assert (await replica.get(cancelled.id)).attempts == 0


async def test_the_pool_works_while_rabbitmq_is_away_and_the_worker_after_its_return(
    tmp_path: Path, place: dict[str, Any], proxy: FaultyProxy
) -> None:
    async with task_replica(tmp_path, worker_grace_seconds=1000, **place) as replica, celery_worker(**place):
        await eventually(lambda: made_by(replica, "celery"), PATIENCE_SECONDS)
        await proxy.refuse()
        await eventually(lambda: made_by(replica, "local"), PATIENCE_SECONDS)
        await proxy.pass_through()
        await eventually(lambda: made_by(replica, "celery"), PATIENCE_SECONDS)
        made_here = {"kind": "cymatic", "outcome": "succeeded"}
        here = replica.metric("mcai_task_attempts_total", **made_here)
        assert await made_by(replica, "celery")
        assert replica.metric("mcai_task_attempts_total", **made_here) == here
