"""One suite for the tasks' queue on every broker: Redis, and a real RabbitMQ; and each of them going away."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from servicekit.breaker import Breaker
from task_svc.celery_app import make_app
from task_svc.celery_queue import CeleryQueue
from task_svc.errors import AWAY
from task_svc.model import TaskKind, Ticket
from tests.support.proxy import FaultyProxy
from tests.support.rabbitmq_server import RabbitmqServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

LIMITS = {TaskKind.ART: 300.0, TaskKind.MUSIC: 600.0, TaskKind.CYMATIC: 180.0}
HARD_SECONDS = 15.0
# What production has; the bound of a call when the broker is away.
BUDGET_SECONDS = 0.9


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker, emptied, and a proxy before it."""

    server: RedisServer | RabbitmqServer
    proxy: FaultyProxy

    def queue(self, budget_seconds: float) -> CeleryQueue:
        """A queue that goes through the proxy."""
        breaker = Breaker("broker", budget_seconds=budget_seconds, reset_seconds=0.05)
        return CeleryQueue(SecretStr(self.server.url(address=self.proxy.address)), breaker, LIMITS)


@pytest.fixture(params=["redis", "rabbitmq"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    request.getfixturevalue(f"{request.param}_url")
    server = request.getfixturevalue(f"{request.param}_server")
    async with FaultyProxy(server.address) as proxy:
        yield Broker(server, proxy)


@pytest.fixture
async def queue(broker: Broker) -> AsyncIterator[CeleryQueue]:
    # Generous: a busy machine is not an absent broker.
    opened = broker.queue(20.0)
    yield opened
    await opened.close()


def ticket(number: int, kind: TaskKind = TaskKind.CYMATIC, priority: int = 5) -> Ticket:
    return Ticket(f"task-{number:04}", kind, priority)


async def test_what_is_published_waits_until_it_is_taken(queue: CeleryQueue) -> None:
    assert await queue.waiting() == 0
    tickets = [ticket(number, kind) for number, kind in enumerate(TaskKind)]
    assert await queue.publish(tickets) == {each.task_id for each in tickets}
    assert await queue.waiting() == len(tickets)
    await queue.publish(tickets)
    assert await queue.waiting() == 2 * len(tickets)


async def test_nobody_works_where_no_worker_is(broker: Broker) -> None:
    queue = broker.queue(1.0)
    assert await queue.workers() == 0
    await queue.close()


async def test_a_message_names_its_task_and_its_limits_and_the_urgent_come_first(
    broker: Broker, queue: CeleryQueue
) -> None:
    priorities = [1, 9, 5, 0, 9]
    tickets = [ticket(number, TaskKind.MUSIC, priority) for number, priority in enumerate(priorities)]
    await queue.publish([*tickets, ticket(99, TaskKind.ART)])
    # The queue as a worker of Celery's declares it, by which Redis knows its priorities.
    app = make_app(SecretStr(broker.server.url()), 5.0)
    (music,) = (each for each in app.conf.task_queues if each.name == "music")
    seen = []
    with app.connection_for_read() as connection, connection.channel() as channel:
        for _ in tickets:
            message = music(channel).get()
            seen.append((message.headers["id"], message.payload[0], message.headers["timelimit"]))
            message.ack()
    limits = [LIMITS[TaskKind.MUSIC] + HARD_SECONDS, None]
    order = ["task-0001", "task-0004", "task-0002", "task-0000", "task-0003"]
    assert seen == [(each, [each], limits) for each in order]
    assert await queue.waiting() == 1


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_an_absent_broker_costs_less_than_a_second_and_takes_nothing(
    broker: Broker, fault: str
) -> None:
    queue = broker.queue(BUDGET_SECONDS)
    await eventually(lambda: published(queue))
    await (broker.proxy.refuse() if fault == "refuse" else broker.proxy.hang())
    for call in (lambda: queue.publish([ticket(2)]), queue.waiting, queue.workers):
        began = time.monotonic()
        with pytest.raises(AWAY):
            await call()
        # The budget bounds it at 0.9 s; the rest is forgiven to a busy machine.
        assert time.monotonic() - began < 2.5
    await broker.proxy.pass_through()
    await eventually(lambda: published(queue))
    await queue.close()


async def published(queue: CeleryQueue) -> bool:
    try:
        return bool(await queue.publish([ticket(1)]))
    except AWAY:
        return False


async def test_a_broker_that_falls_silent_at_a_ping_of_the_workers_does_not_hold_the_end(
    broker: Broker,
) -> None:
    queue = broker.queue(BUDGET_SECONDS)
    await eventually(lambda: published(queue))
    # The ping's own message, and nothing of what its publisher declares before it.
    broker.proxy.hang_at(b"PUBLISH" if isinstance(broker.server, RedisServer) else b'"method": "ping"')
    with pytest.raises(AWAY):
        await queue.workers()
    async with asyncio.timeout(10):
        await queue.close()
