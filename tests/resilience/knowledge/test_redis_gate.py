"""Redis goes and comes back under the tiers of one replica: what is owed to it, and what it costs."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge_svc.model import Invalidation, Tier, asked
from servicekit import degrade
from tests.support.knowledge_parts import entry_of, key_of
from tests.support.knowledge_redis import RedisParts, redis_parts
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

KEY, OTHER = key_of("one"), key_of("other")


@pytest.fixture
async def proxy(redis_server: RedisServer, redis_url: str) -> AsyncIterator[FaultyProxy]:
    assert redis_url
    async with FaultyProxy(redis_server.address) as proxy:
        yield proxy


@pytest.fixture
async def parts(proxy: FaultyProxy, redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[RedisParts]:
    url = redis_server.url(address=proxy.address)
    async with redis_parts(url, tmp_path, time.time, budget_seconds=0.25) as parts:
        await parts.tier.ping()
        yield parts


@pytest.fixture
async def observer(redis_url: str, tmp_path: Path) -> AsyncIterator[RedisParts]:
    """Another replica, which reaches Redis directly and all the time."""
    async with redis_parts(redis_url, tmp_path / "observer", time.time) as parts:
        yield parts


async def lose(parts: RedisParts, proxy: FaultyProxy) -> None:
    await proxy.refuse()
    await parts.fallback.get_many([KEY])
    assert not parts.gate.is_open


async def regain(parts: RedisParts, proxy: FaultyProxy) -> None:
    await proxy.pass_through()
    await eventually(lambda: parts.gate.is_open, timeout_seconds=5.0)


async def test_while_redis_is_away_the_local_tier_answers(parts: RedisParts, proxy: FaultyProxy) -> None:
    await parts.fallback.put(KEY, entry_of(now=time.time()))
    await lose(parts, proxy)

    await parts.fallback.put(OTHER, entry_of(now=time.time()))
    read = await parts.fallback.get_many([KEY, OTHER])

    assert read.tier is Tier.LOCAL
    assert [bool(entry) for entry in read.entries] == [False, True]

    await regain(parts, proxy)
    read = await parts.fallback.get_many([KEY, OTHER])
    assert read.tier is Tier.REDIS
    assert all(read.entries)


async def test_only_answers_that_were_made_without_redis_say_so(
    parts: RedisParts, proxy: FaultyProxy
) -> None:
    async def told() -> frozenset[str]:
        with degrade.collecting():
            await parts.fallback.get_many([])
            return degrade.current()

    assert await told() == frozenset()
    await lose(parts, proxy)
    assert await told() == {"redis"}
    await regain(parts, proxy)
    assert await told() == frozenset()
    assert not parts.degradation.active


@pytest.mark.parametrize(
    "invalidation", [asked(keys=[KEY]), asked(example_ids=["a"]), Invalidation(labels={"e:a": 2}, sequence=2)]
)
async def test_what_was_forgotten_while_redis_was_away_does_not_come_back(
    parts: RedisParts, observer: RedisParts, proxy: FaultyProxy, invalidation: Invalidation
) -> None:
    for key, source in ((KEY, "a"), (OTHER, "b")):
        await parts.fallback.put(key, entry_of(built_on=(source,), now=time.time()))
    await lose(parts, proxy)

    await parts.fallback.evict(invalidation)
    await regain(parts, proxy)

    assert [bool(entry) for entry in (await parts.fallback.get_many([KEY, OTHER])).entries] == [False, True]
    assert [bool(entry) for entry in (await observer.tier.get_many([KEY, OTHER])).entries] == [False, True]


async def test_what_was_cleared_while_redis_was_away_does_not_come_back(
    parts: RedisParts, proxy: FaultyProxy
) -> None:
    await parts.fallback.put(KEY, entry_of(now=time.time()))
    await lose(parts, proxy)

    await parts.fallback.clear(0)
    await regain(parts, proxy)

    assert (await parts.fallback.get_many([KEY])).entries == [None]


async def test_an_eviction_that_redis_did_not_confirm_keeps_it_from_being_read(
    parts: RedisParts, proxy: FaultyProxy
) -> None:
    await parts.fallback.put(KEY, entry_of(now=time.time()))
    await proxy.hang()

    await parts.fallback.evict(asked(keys=[KEY]))

    assert (await parts.fallback.get_many([KEY])).tier is Tier.LOCAL
    await regain(parts, proxy)
    read = await parts.fallback.get_many([KEY])
    assert read == (Tier.REDIS, [None])


async def test_a_great_many_debts_are_one(
    parts: RedisParts, observer: RedisParts, proxy: FaultyProxy
) -> None:
    await observer.tier.put(KEY, entry_of(now=time.time()))
    await lose(parts, proxy)

    await parts.fallback.evict(asked(example_ids=[str(number) for number in range(3_000)]))
    await regain(parts, proxy)

    assert (await observer.tier.get_many([KEY])).entries == [None]


async def test_a_debt_outlives_a_crash(
    parts: RedisParts, proxy: FaultyProxy, redis_url: str, tmp_path: Path
) -> None:
    await parts.fallback.put(KEY, entry_of(now=time.time()))
    await lose(parts, proxy)
    await parts.fallback.evict(asked(keys=[KEY]))
    assert parts.marker.exists()

    async with redis_parts(redis_url, tmp_path, time.time) as reborn:
        assert (await reborn.fallback.get_many([KEY])).tier is Tier.LOCAL
        await eventually(lambda: reborn.gate.is_open)
        assert (await reborn.fallback.get_many([KEY])).entries == [None]
    assert not parts.marker.exists()


async def test_a_redis_that_lost_its_last_seconds_is_told_again_what_the_bank_changed(
    parts: RedisParts, observer: RedisParts, proxy: FaultyProxy
) -> None:
    parts.log.restart(1)
    await observer.tier.clear(1)
    parts.log.note({"e:a": 2}, 2)
    await parts.fallback.evict(Invalidation(labels={"e:a": 2}, sequence=2))
    await lose(parts, proxy)

    # As a replica that took over without the last second of writes: the entry is there, the change is not.
    await observer.tier.clear(1)
    await observer.tier.put(KEY, entry_of(built_on=("a",), sequence=1, now=time.time()))
    await observer.tier.put(OTHER, entry_of(built_on=("b",), sequence=1, now=time.time()))
    await regain(parts, proxy)

    assert [bool(entry) for entry in (await parts.fallback.get_many([KEY, OTHER])).entries] == [False, True]
    assert await parts.tier.position() == 2


async def test_a_redis_whose_past_nobody_knows_is_cleared(
    parts: RedisParts, observer: RedisParts, proxy: FaultyProxy
) -> None:
    await lose(parts, proxy)
    parts.log.restart(7)
    await observer.tier.put(KEY, entry_of(now=time.time()))

    await regain(parts, proxy)

    assert (await parts.fallback.get_many([KEY])).entries == [None]
    assert await parts.tier.position() == 7


async def test_leases_given_before_an_invalidation_that_redis_missed_are_worth_nothing(
    parts: RedisParts, observer: RedisParts, proxy: FaultyProxy
) -> None:
    token = (await observer.leases.acquire([KEY], 1))[KEY].token
    await lose(parts, proxy)

    await parts.fallback_leases.revoke(None)
    await regain(parts, proxy)

    assert not await observer.leases.redeem(KEY, token)


async def test_a_lease_that_redis_gave_is_not_believed_while_it_is_away(
    parts: RedisParts, proxy: FaultyProxy
) -> None:
    token = (await parts.fallback_leases.acquire([KEY], 1))[KEY].token
    await lose(parts, proxy)

    assert not await parts.fallback_leases.redeem(KEY, token)
    own = (await parts.fallback_leases.acquire([KEY], 1))[KEY].token
    await regain(parts, proxy)
    assert await parts.fallback_leases.redeem(KEY, own)


async def test_a_black_hole_costs_one_budget_and_then_nothing(parts: RedisParts, proxy: FaultyProxy) -> None:
    await parts.fallback.get_many([KEY])
    await proxy.hang()

    started = time.monotonic()
    reads = await asyncio.gather(*(parts.fallback.get_many([KEY]) for _ in range(50)))
    first = time.monotonic() - started
    accepted = proxy.accepted
    started = time.monotonic()
    for _ in range(50):
        await parts.fallback.get_many([KEY])
    later = time.monotonic() - started

    assert {read.tier for read in reads} == {Tier.LOCAL}
    # The budget is 250 ms; 50 reads that paid it one after another would take 12 s.
    assert first < 4.0
    assert later < 4.0
    assert proxy.accepted - accepted <= 4
    await regain(parts, proxy)


async def test_a_full_redis_still_answers_and_the_rest_is_kept_here(parts: RedisParts) -> None:
    kept = entry_of(b"kept", now=time.time())
    await parts.fallback.put(KEY, kept)
    await parts.tier._client.config_set("maxmemory", "1")
    try:
        assert await parts.fallback.put(OTHER, entry_of(now=time.time()))
        assert parts.gate.is_open
        assert await parts.fallback.get_many([KEY]) == (Tier.REDIS, [kept])

        await parts.fallback.evict(asked(keys=[KEY]))
        assert (await parts.fallback.get_many([KEY])).entries == [None]
    finally:
        await parts.tier._client.config_set("maxmemory", "0")
    await eventually(lambda: parts.gate.is_open)
    assert await parts.fallback.get_many([KEY]) == (Tier.REDIS, [None])
