"""What a call costs the database: one round trip, counted on the wire."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from servicekit.breaker import Breaker
from task_svc.model import UNBOUNDED, Task, TaskKind, body_hash
from task_svc.postgres import PostgresTaskStore
from task_svc.postgres_database import PostgresDatabase
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(postgres_server.socket_path) as running:
        yield running


@pytest.fixture
async def store(
    postgres_server: PostgresServer, postgres_database: str, proxy: FaultyProxy
) -> AsyncIterator[PostgresTaskStore]:
    url = SecretStr(postgres_server.url(postgres_database, address=proxy.address))
    breaker = Breaker("postgres", budget_seconds=20, reset_seconds=0.1)
    opened = PostgresTaskStore(PostgresDatabase(url, breaker, 1), lambda _: None)
    await opened.ping()
    yield opened
    await opened.close()


def task(number: int) -> Task:
    return Task(
        id=f"task-{number}",
        kind=TaskKind.ART,
        user_id="ann",
        parameters_json="{}",
        priority=5,
        create_time=1000.0,
        update_time=1000.0,
        body_hash=body_hash(TaskKind.ART, "{}", 5),
    )


async def test_a_submission_is_one_round_trip_also_when_it_is_repeated(
    store: PostgresTaskStore, proxy: FaultyProxy
) -> None:
    costs = []
    for number in (*range(20), *range(20)):
        before = proxy.round_trips
        await store.submit(task(number), UNBOUNDED)
        costs.append(proxy.round_trips - before)
    # Once in the life of a connection there is another one, in which psycopg has the statement prepared.
    assert sorted(costs) == [1] * 39 + [2]
    tickets = await store.outbox(100, 2000.0)
    assert len(tickets) == 20
