"""What every place of token buckets must do: in memory, in a real Redis, and the fallback with Redis away."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from gateway.buckets import Buckets, LocalBuckets, Meter, Rate, Taken
from gateway.fallback_shared import RedisGate, SharedBuckets
from gateway.redis_buckets import RedisBuckets
from gateway.redis_client import open_client, ping
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from tests.support.waiting import eventually

NOBODY = "redis://127.0.0.1:1/0"
SLOW = Rate("key", 5, 5_000.0)
QUICK = Rate("key", 5, 0.5)


@pytest.fixture(params=["local", "redis", "fallback", "fallback-away"])
async def buckets(request: pytest.FixtureRequest) -> AsyncIterator[Buckets]:
    url = request.getfixturevalue("redis_url") if request.param in {"redis", "fallback"} else NOBODY
    own = LocalBuckets(time.monotonic)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_client(SecretStr(url), budget_seconds=1.0))
        breaker = Breaker("redis", budget_seconds=1.0, reset_seconds=0.5)
        gate = RedisGate(lambda: ping(client), breaker, Degradation("redis", CollectorRegistry()))
        await stack.enter_async_context(gate.watched())
        shared = RedisBuckets(client)
        places: dict[str, Buckets] = {"local": own, "redis": shared}
        yield places.get(request.param, SharedBuckets(shared, own, gate))


async def test_a_bucket_gives_what_it_holds_and_then_says_when(buckets: Buckets) -> None:
    assert await buckets.take("a", SLOW, 3) == Taken(3, 2, 0.0)
    assert await buckets.take("a", SLOW, 3) == Taken(2, 0, 0.0)
    empty = await buckets.take("a", SLOW, 3)

    assert (empty.granted, empty.left) == (0, 0)
    assert 900.0 < empty.wait_seconds <= 1000.0


async def test_buckets_are_apart(buckets: Buckets) -> None:
    await buckets.take("a", SLOW, 5)

    assert (await buckets.take("b", SLOW, 1)).granted == 1
    assert (await buckets.take("a", Rate("address", 5, 5_000.0), 1)).granted == 1


async def test_an_empty_bucket_fills_again(buckets: Buckets) -> None:
    await buckets.take("a", QUICK, 5)

    async def filled() -> bool:
        return (await buckets.take("a", QUICK, 1)).granted == 1

    assert await eventually(filled)


async def test_a_meter_spends_what_the_bucket_holds_and_not_more(buckets: Buckets) -> None:
    meter = Meter(buckets, time.monotonic)
    standings = [await meter.spend("a", SLOW) for _ in range(8)]

    assert [each.allowed for each in standings] == [True] * 5 + [False] * 3
    assert [each.left for each in standings[:5]] == [4, 3, 2, 1, 0]
    assert standings[-1].wait_seconds > 900.0


async def test_two_meters_share_a_bucket(buckets: Buckets) -> None:
    one, other = Meter(buckets, time.monotonic), Meter(buckets, time.monotonic)
    allowed = [(await meter.spend("a", SLOW)).allowed for _ in range(4) for meter in (one, other)]

    assert sum(allowed) == 5
