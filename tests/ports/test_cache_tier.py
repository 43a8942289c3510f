"""One suite for every CacheTier: memory, SQLite, a real Redis, and the fallback with Redis there and away."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from knowledge_svc.additions import EVERYTHING_ADDED, MAX_ADDITIONS, Additions
from knowledge_svc.memory import MemoryTier
from knowledge_svc.model import Addition, Entry, EntryKind, Invalidation, Key, asked
from knowledge_svc.ports import CacheTier
from knowledge_svc.sqlite_tier import SqliteTier
from tests.support.knowledge_parts import ManualClock, entry_of, key_of
from tests.support.knowledge_redis import redis_parts

KEY, OTHER, THIRD = (key_of(text) for text in ("one", "other", "third"))
NOBODY = "redis://127.0.0.1:1/0"
KINDS = ("memory", "sqlite", "redis", "fallback", "fallback-away")


@pytest.fixture
def clock() -> ManualClock:
    # Redis keeps its own time, so the clock stands still at the present.
    return ManualClock(time.time())


@asynccontextmanager
async def tier_of(kind: str, url: str, directory: Path, clock: ManualClock) -> AsyncIterator[CacheTier]:
    if kind == "memory":
        yield MemoryTier(1_000_000, clock, Additions())
    elif kind == "sqlite":
        tier = SqliteTier(directory / "cache.sqlite", 1_000_000, clock)
        yield tier
        await tier.close()
    else:
        async with redis_parts(url, directory, clock) as parts:
            yield parts.tier if kind == "redis" else parts.fallback


@pytest.fixture(params=KINDS)
async def tier(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[CacheTier]:
    kind: str = request.param
    url = request.getfixturevalue("redis_url") if kind in {"redis", "fallback"} else NOBODY
    async with tier_of(kind, url, tmp_path, clock) as tier:
        yield tier


async def held(tier: CacheTier, *keys: Key) -> list[Entry | None]:
    return list((await tier.get_many(keys)).entries)


async def test_what_is_put_is_got_in_the_order_of_the_keys(tier: CacheTier, clock: ManualClock) -> None:
    one, third = entry_of(b"one", now=clock.now), entry_of(b"three", built_on=("a",), now=clock.now)
    assert await tier.put(KEY, one)
    assert await tier.put(THIRD, third)

    assert await held(tier, THIRD, OTHER, KEY) == [third, None, one]


async def test_nothing_is_got_for_nothing(tier: CacheTier) -> None:
    assert await held(tier) == []


async def test_a_second_put_replaces_the_first(tier: CacheTier, clock: ManualClock) -> None:
    await tier.put(KEY, entry_of(b"old", built_on=("a",), now=clock.now))
    new = entry_of(b"new", built_on=("b",), now=clock.now)
    await tier.put(KEY, new)

    assert await held(tier, KEY) == [new]


@pytest.mark.parametrize("kind", EntryKind)
async def test_every_field_and_every_byte_comes_back(
    tier: CacheTier, clock: ManualClock, kind: EntryKind
) -> None:
    entry = entry_of(
        bytes(range(256)), kind=kind, built_on=("ä", "b c"), domains=("x",), sequence=2**40, now=clock.now
    )
    await tier.put(KEY, entry)

    assert await held(tier, KEY) == [entry]


async def test_what_is_past_its_grace_is_gone(tier: CacheTier, clock: ManualClock) -> None:
    await tier.put(KEY, entry_of(now=clock.now))
    clock.now += 7_199
    assert await held(tier, KEY) != [None]

    clock.now += 1

    assert await held(tier, KEY) == [None]


async def test_an_entry_that_is_too_large_is_not_kept_and_nothing_is_said(
    tier: CacheTier, clock: ManualClock
) -> None:
    assert await tier.put(KEY, entry_of(os.urandom(1024 * 1024), now=clock.now))


async def test_evicting_a_key_leaves_the_others(tier: CacheTier, clock: ManualClock) -> None:
    for key in (KEY, OTHER):
        await tier.put(key, entry_of(now=clock.now))

    assert await tier.evict(asked(keys=[KEY, THIRD])) == {KEY}
    assert [bool(entry) for entry in await held(tier, KEY, OTHER)] == [False, True]


async def test_evicting_a_label_takes_exactly_the_entries_that_have_it_and_are_older(
    tier: CacheTier, clock: ManualClock
) -> None:
    await tier.put(KEY, entry_of(built_on=("a", "b"), sequence=4, now=clock.now))
    await tier.put(OTHER, entry_of(built_on=("a",), sequence=5, now=clock.now))
    await tier.put(THIRD, entry_of(built_on=("b",), sequence=4, now=clock.now))

    assert await tier.evict(Invalidation(labels={"e:a": 5}, sequence=5)) == {KEY}
    assert [bool(entry) for entry in await held(tier, KEY, OTHER, THIRD)] == [False, True, True]


async def test_evicting_by_domain_takes_what_was_looked_for_there_or_everywhere(
    tier: CacheTier, clock: ManualClock
) -> None:
    await tier.put(KEY, entry_of(domains=("faq",), now=clock.now))
    await tier.put(OTHER, entry_of(domains=("shop",), now=clock.now))
    await tier.put(THIRD, entry_of(now=clock.now))

    assert await tier.evict(asked(domains=["faq"])) == {KEY, THIRD}
    assert [bool(entry) for entry in await held(tier, KEY, OTHER, THIRD)] == [False, True, False]


async def test_the_labels_of_a_replaced_entry_do_not_end_the_new_one(
    tier: CacheTier, clock: ManualClock
) -> None:
    await tier.put(KEY, entry_of(built_on=("a",), sequence=1, now=clock.now))
    await tier.put(KEY, entry_of(built_on=("b",), sequence=9, now=clock.now))

    await tier.evict(Invalidation(labels={"e:b": 9}, sequence=9))

    assert await held(tier, KEY) != [None]


async def test_what_was_evicted_can_be_put_again(tier: CacheTier, clock: ManualClock) -> None:
    await tier.put(KEY, entry_of(built_on=("a",), sequence=1, now=clock.now))
    await tier.evict(Invalidation(labels={"e:a": 2}, sequence=2))

    assert await tier.put(KEY, entry_of(built_on=("a",), sequence=2, now=clock.now))
    assert await held(tier, KEY) != [None]


async def test_clearing_takes_all_and_counts_it(tier: CacheTier, clock: ManualClock) -> None:
    for key in (KEY, OTHER):
        await tier.put(key, entry_of(now=clock.now))

    assert await tier.clear(0) == 2
    assert await held(tier, KEY, OTHER) == [None, None]
    assert await tier.clear(0) == 0


async def test_what_was_filled_last_is_told_newest_first(tier: CacheTier, clock: ManualClock) -> None:
    for key in (KEY, OTHER, THIRD):
        clock.now += 1
        await tier.put(key, entry_of(now=clock.now))

    assert [key for key, _ in await tier.recent(2)] == [THIRD, OTHER]
    assert [key for key, _ in await tier.recent(10)] == [THIRD, OTHER, KEY]


async def test_it_measures_what_it_holds(tier: CacheTier, clock: ManualClock) -> None:
    for key in (KEY, OTHER):
        await tier.put(key, entry_of(os.urandom(5_000), now=clock.now))

    (there,) = [each for each in await tier.measure() if each.available]

    assert there.entries == 2
    assert 10_000 < there.size < 13_000


@pytest.fixture(params=[kind for kind in KINDS if kind != "memory"])
async def lasting(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[CacheTier]:
    kind: str = request.param
    url = request.getfixturevalue("redis_url") if kind in {"redis", "fallback"} else NOBODY
    async with tier_of(kind, url, tmp_path, clock) as tier:
        yield tier


async def test_its_position_is_that_of_the_last_change_it_was_told(lasting: CacheTier) -> None:
    assert await lasting.position() is None
    await lasting.evict(Invalidation(labels={"e:a": 5}, sequence=5))
    await lasting.evict(asked(example_ids=["b"]))
    assert await lasting.position() == 5
    await lasting.clear(0)
    assert await lasting.position() == 5

    await lasting.clear(9)

    assert await lasting.position() == 9


async def test_a_shared_tier_refuses_what_a_slow_replica_computed_before_a_change(
    redis_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    async with redis_parts(redis_url, tmp_path, clock) as parts:
        await parts.tier.evict(Invalidation(labels={"e:a": 5}, sequence=5))

        assert not await parts.tier.put(KEY, entry_of(built_on=("a",), sequence=4, now=clock.now))
        assert await parts.tier.put(OTHER, entry_of(built_on=("a",), sequence=5, now=clock.now))
        assert await parts.tier.put(THIRD, entry_of(built_on=("b",), sequence=4, now=clock.now))
        # After everything was forgotten nobody knows what had changed before.
        await parts.tier.clear(0)
        assert not await parts.tier.put(THIRD, entry_of(built_on=("b",), sequence=4, now=clock.now))


async def test_everything_in_redis_has_an_end(redis_url: str, tmp_path: Path, clock: ManualClock) -> None:
    async with redis_parts(redis_url, tmp_path, clock) as parts:
        await parts.tier.put(KEY, entry_of(built_on=("a",), now=clock.now))
        await parts.leases.acquire([OTHER], 1)
        await parts.tier.evict(Invalidation(labels={"e:b": 5}, sequence=5))
        await parts.tier.hand_back([(THIRD, entry_of(built_on=("c",), now=clock.now), time.monotonic())])
        client = parts.tier._client
        names = [name async for name in client.scan_iter("mcai:*")]
        endless = {name.rsplit(b":", 1)[-1] for name in names if await client.ttl(name) < 0}

    assert endless == {b"generation", b"position", b"fence", b"asked"}


async def test_it_remembers_what_was_added_to_the_bank(lasting: CacheTier) -> None:
    assert dict(await lasting.additions()) == {}
    tcp, faq = Addition("faq", frozenset({"tcp"})), Addition("faq")
    await lasting.evict(Invalidation(additions={tcp: 5}, sequence=5))
    await lasting.evict(Invalidation(additions={tcp: 6, faq: 7}, sequence=7))

    assert dict(await lasting.additions()) == {tcp: 6, faq: 7}
    await lasting.clear(9)
    assert dict(await lasting.additions()) == {}


async def test_of_a_great_many_additions_the_oldest_are_one_for_all(lasting: CacheTier) -> None:
    for number in range(1, 2 * MAX_ADDITIONS, 64):
        noted = {Addition("faq", frozenset({f"word{number + each}"})): number + each for each in range(64)}
        await lasting.evict(Invalidation(additions=noted, sequence=number + 63))

    kept = await lasting.additions()

    assert len(kept) == MAX_ADDITIONS
    assert kept[EVERYTHING_ADDED] == max(kept.values()) - MAX_ADDITIONS + 1
    assert min(kept.values()) == kept[EVERYTHING_ADDED]
