import asyncio
import time

import psycopg
import pytest
import redis.asyncio

from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually


async def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        await connection.execute("CREATE TABLE mine (id int)")
        cursor = await connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert await cursor.fetchone() == (1,)


async def test_a_refusing_proxy_breaks_open_connections_and_a_passing_one_serves_again(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        url = postgres_server.url(postgres_database, address=proxy.address)
        connection = await psycopg.AsyncConnection.connect(url)
        await proxy.refuse()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            await psycopg.AsyncConnection.connect(url)
        await connection.close()
        await proxy.pass_through()
        async with await psycopg.AsyncConnection.connect(url) as again:
            await again.execute("SELECT 1")


async def test_a_hanging_proxy_holds_back_until_it_passes(redis_server: RedisServer, redis_url: str) -> None:
    assert redis_url == redis_server.url()
    async with (
        FaultyProxy(redis_server.address) as proxy,
        redis.asyncio.Redis.from_url(redis_server.url(address=proxy.address)) as client,
    ):
        assert await client.set("key", "value")
        await proxy.hang()
        question = asyncio.ensure_future(client.get("key"))
        done, _ = await asyncio.wait([question], timeout=0.05)
        assert not done
        await proxy.pass_through()
        assert await asyncio.wait_for(question, 5) == b"value"


async def test_latency_is_added_in_both_directions(redis_server: RedisServer, redis_url: str) -> None:
    assert redis_url == redis_server.url()
    async with (
        FaultyProxy(redis_server.address) as proxy,
        redis.asyncio.Redis.from_url(redis_server.url(address=proxy.address)) as client,
    ):
        await client.ping()
        await proxy.delay(0.02)
        begun = time.monotonic()
        await client.ping()
        assert time.monotonic() - begun >= 0.04


async def test_eventually_returns_the_first_truth_and_tells_the_last_failure() -> None:
    attempts: list[int] = []

    def third_time() -> int:
        attempts.append(1)
        assert len(attempts) > 1
        return len(attempts) if len(attempts) > 2 else 0

    assert await eventually(third_time) == 3

    def never() -> bool:
        raise AssertionError("the reason")

    with pytest.raises(AssertionError, match="the reason"):
        await eventually(never, timeout_seconds=0.02)
