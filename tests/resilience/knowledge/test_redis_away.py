"""Redis refuses, hangs, is wiped or cut off under the real service: answers go on, and it says so."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import redis.asyncio

from mcai.knowledge.v1 import knowledge_pb2 as pb
from tests.support.knowledge_replica import Replica, cache_key, replica
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

KEY, OTHER = cache_key("What is TCP?"), cache_key("What is UDP?")
BUDGET_MS = 200.0
AWAY = frozenset({"redis"})

Fault = Callable[[FaultyProxy], Awaitable[None]]

faults = pytest.mark.parametrize("fault", [FaultyProxy.refuse, FaultyProxy.hang], ids=["refuse", "hang"])


@pytest.fixture
async def proxy(redis_server: RedisServer, redis_url: str) -> AsyncIterator[FaultyProxy]:
    assert redis_url
    async with FaultyProxy(redis_server.address) as proxy:
        yield proxy


@pytest.fixture
async def behind(proxy: FaultyProxy, redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[Replica]:
    """A replica whose Redis is behind the proxy."""
    url = redis_server.url(address=proxy.address)
    async with replica(tmp_path, "behind", redis_url=url, redis_budget_ms=BUDGET_MS) as started:
        yield started


@pytest.fixture
async def beside(redis_url: str, tmp_path: Path) -> AsyncIterator[Replica]:
    """A replica that reaches Redis directly."""
    async with replica(tmp_path, "beside", redis_url=redis_url) as started:
        yield started


async def whole_again(one: Replica) -> None:
    async def is_whole() -> bool:
        return not (await one.look_and_tell(KEY))[1]

    await eventually(is_whole, timeout_seconds=5.0)


@faults
async def test_answers_go_on_and_say_so_while_redis_is_away_and_only_then(
    behind: Replica, proxy: FaultyProxy, fault: Fault
) -> None:
    await behind.fill(KEY)
    assert (await behind.look_and_tell(KEY))[1] == frozenset()

    await fault(proxy)
    lookup, missing = await behind.look_and_tell(OTHER)
    assert (lookup.tier, missing) == (pb.CACHE_TIER_MISS, AWAY)
    assert await behind.fill(OTHER, token=lookup.lease.token)
    for key in (KEY, OTHER):
        lookup, missing = await behind.look_and_tell(key)
        assert (lookup.tier, missing) == (pb.CACHE_TIER_MEMORY, AWAY)

    await proxy.pass_through()
    await whole_again(behind)


@faults
async def test_redis_away_costs_one_budget_once(behind: Replica, proxy: FaultyProxy, fault: Fault) -> None:
    await behind.look(KEY)
    await fault(proxy)

    started = time.monotonic()
    await asyncio.gather(*(behind.look(cache_key(f"question {number}")) for number in range(20)))
    first = time.monotonic() - started
    started = time.monotonic()
    for number in range(20):
        await behind.look(cache_key(f"question {number}"))
    then = time.monotonic() - started

    # With a budget each, 20 lookups one after another would take 4 s; a slow machine gets some room.
    assert first < 10 * BUDGET_MS / 1000
    assert then < 10 * BUDGET_MS / 1000
    await proxy.pass_through()
    await whole_again(behind)


@faults
async def test_one_computes_on_a_replica_that_has_lost_redis(
    behind: Replica, proxy: FaultyProxy, fault: Fault
) -> None:
    await fault(proxy)

    async def answer() -> bool:
        result = await behind.look(KEY, wait_seconds=9.0)
        if result.HasField("lease"):
            assert await behind.fill(KEY, token=result.lease.token)
        return result.HasField("lease")

    assert sum(await asyncio.gather(*(answer() for _ in range(50)))) == 1


@faults
async def test_what_was_invalidated_while_redis_was_away_stays_away(
    behind: Replica, beside: Replica, proxy: FaultyProxy, fault: Fault
) -> None:
    await behind.fill(KEY, built_on=("a",))
    await behind.fill(OTHER, built_on=("b",))
    await fault(proxy)

    await behind.invalidate(example_ids=["a"])
    assert (await behind.look(KEY, lease=False)).tier == pb.CACHE_TIER_MISS
    await proxy.pass_through()
    await whole_again(behind)

    assert (await behind.look(KEY, lease=False)).tier == pb.CACHE_TIER_MISS
    assert (await behind.look(OTHER, lease=False)).tier != pb.CACHE_TIER_MISS
    assert (await beside.look(KEY, lease=False)).tier == pb.CACHE_TIER_MISS


@faults
async def test_what_others_invalidated_meanwhile_is_forgotten_on_return(
    behind: Replica, beside: Replica, proxy: FaultyProxy, fault: Fault
) -> None:
    await behind.fill(KEY)
    await fault(proxy)
    assert (await behind.look_and_tell(OTHER))[1] == AWAY
    await beside.invalidate(all=True)
    # Nobody could tell it: that is the price of being cut off.
    assert (await behind.look(KEY)).tier == pb.CACHE_TIER_MEMORY

    await proxy.pass_through()

    async def forgotten() -> bool:
        return (await behind.look(KEY, lease=False)).tier == pb.CACHE_TIER_MISS

    await eventually(forgotten, timeout_seconds=5.0)


async def test_it_starts_without_redis_and_finds_it_later(
    proxy: FaultyProxy, redis_server: RedisServer, tmp_path: Path
) -> None:
    await proxy.refuse()
    url = redis_server.url(address=proxy.address)
    async with replica(tmp_path, "early", redis_url=url) as early:
        assert (await early.look_and_tell(KEY))[1] == AWAY

        await proxy.pass_through()

        await whole_again(early)
        await early.fill(OTHER)
        assert {row.tier: row.entries for row in (await early.stats()).tiers}[pb.CACHE_TIER_REDIS] == 1


async def test_a_redis_that_was_wiped_is_filled_again(behind: Replica, redis_url: str) -> None:
    await behind.fill(KEY)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushall()

    await behind.fill(OTHER)

    assert {row.tier: row.entries for row in (await behind.stats()).tiers}[pb.CACHE_TIER_REDIS] == 1
    assert (await behind.look(KEY)).tier == pb.CACHE_TIER_MEMORY


async def test_rubbish_in_redis_is_a_miss(behind: Replica, beside: Replica, redis_url: str) -> None:
    await behind.fill(KEY)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        (name,) = await client.keys("mcai:k1:*:e:*")
        await client.set(name, b"rubbish")

    result = await beside.look(KEY)

    assert result.tier == pb.CACHE_TIER_MISS
    assert await beside.fill(KEY, token=result.lease.token)


async def test_sessions_that_were_cut_are_made_again_unnoticed(
    behind: Replica, redis_server: RedisServer
) -> None:
    await behind.fill(KEY)

    await asyncio.to_thread(redis_server.flush)

    await whole_again(behind)
    assert await behind.fill(OTHER)
    assert (await behind.look(OTHER)).entry.value == b"an answer"
