"""The use-cases on real tiers, with a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge_svc.model import Entry, EntryKind, Found, Key, Tier, asked
from knowledge_svc.sqlite_tier import SqliteTier
from tests.support.knowledge_parts import ManualClock, Parts, key_of

KEY, OTHER = key_of("a question"), key_of("another question")
ANSWER = Entry(b"an answer", sequence=1)


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    clock = ManualClock()
    slower = SqliteTier(tmp_path / "cache.sqlite", 1_000_000, clock)
    yield Parts(slower, clock)
    await slower.close()


async def look(parts: Parts, *keys: Key, lease: bool = True, wait: float = 0.0) -> list[Found]:
    return await parts.service.lookup(keys, want_lease=lease, wait_seconds=wait)


async def leased(parts: Parts, key: Key) -> str:
    (found,) = await look(parts, key)
    assert found.lease is not None
    return found.lease.token


async def fill(parts: Parts, key: Key = KEY, entry: Entry = ANSWER) -> bool:
    return await parts.service.fill(key, entry, await leased(parts, key))


async def test_what_was_filled_is_found_in_memory(parts: Parts) -> None:
    assert await fill(parts)
    parts.clock.now += 5

    (found,) = await look(parts, KEY)

    assert (found.tier, found.stale, found.lease, found.age) == (Tier.MEMORY, False, None, 5)
    assert found.entry is not None
    assert found.entry.value == b"an answer"


async def test_what_memory_dropped_is_found_in_the_slower_tier_and_promoted(parts: Parts) -> None:
    await fill(parts)
    await parts.memory.clear(0)

    tiers = [(await look(parts, KEY))[0].tier for _ in range(2)]

    assert tiers == [Tier.LOCAL, Tier.MEMORY]


async def test_a_miss_hands_out_one_lease(parts: Parts) -> None:
    first, second = await look(parts, KEY), await look(parts, KEY)

    assert (first[0].tier, second[0].tier) == (Tier.MISS, Tier.MISS)
    assert first[0].lease is not None
    assert second[0].lease is None


async def test_a_lookup_that_wants_no_lease_gets_none(parts: Parts) -> None:
    assert (await look(parts, KEY, lease=False))[0].lease is None
    assert (await look(parts, KEY))[0].lease is not None


async def test_equal_keys_in_a_batch_get_one_lease_and_no_wait(parts: Parts) -> None:
    found = await look(parts, KEY, OTHER, KEY, wait=60.0)

    assert [one.lease is not None for one in found] == [True, True, False]


async def test_who_waits_gets_the_value_when_it_is_filled(parts: Parts) -> None:
    token = await leased(parts, KEY)
    waiting = [asyncio.create_task(look(parts, KEY, wait=60.0)) for _ in range(20)]

    await parts.service.fill(KEY, ANSWER, token)

    found = [one for (one,) in await asyncio.gather(*waiting)]
    assert {one.entry.value for one in found if one.entry} == {b"an answer"}
    assert [one for one in found if one.lease or not one.entry] == []


async def test_who_waits_computes_when_the_lease_is_given_back(parts: Parts) -> None:
    token = await leased(parts, KEY)
    waiting = [asyncio.create_task(look(parts, KEY, wait=60.0)) for _ in range(2)]

    await parts.service.release(KEY, token)
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    ((first,),) = [task.result() for task in done]
    assert first.lease is not None
    assert len(rest) == 1
    await parts.service.fill(KEY, ANSWER, first.lease.token)
    ((second,),) = await asyncio.gather(*rest)
    assert second.entry is not None


async def test_the_end_of_the_wait_is_a_miss_without_a_lease(parts: Parts) -> None:
    await leased(parts, KEY)

    assert await look(parts, KEY, wait=0.01) == [Found()]


async def test_when_the_lease_runs_out_the_next_one_computes(parts: Parts) -> None:
    late = await leased(parts, KEY)
    parts.clock.now += 10

    early = await leased(parts, KEY)

    assert not await parts.service.fill(KEY, ANSWER, late)
    assert await parts.service.fill(KEY, ANSWER, early)


async def test_a_lease_is_good_for_one_fill_of_its_own_key(parts: Parts) -> None:
    token = await leased(parts, KEY)

    assert not await parts.service.fill(OTHER, ANSWER, token)
    assert await parts.service.fill(KEY, ANSWER, token)
    assert not await parts.service.fill(KEY, replace(ANSWER, value=b"again"), token)


async def test_a_fill_without_a_lease_is_stored(parts: Parts) -> None:
    assert await parts.service.fill(KEY, ANSWER, "")
    assert (await look(parts, KEY))[0].tier is Tier.MEMORY


async def test_a_stale_answer_is_served_while_one_caller_renews_it(parts: Parts) -> None:
    await fill(parts)
    parts.clock.now += 3_600

    first, second = (await look(parts, KEY))[0], (await look(parts, KEY, wait=60.0))[0]

    assert (first.stale, second.stale) == (True, True)
    assert first.lease is not None
    assert second.lease is None
    assert await parts.service.fill(KEY, replace(ANSWER, value=b"new"), first.lease.token)
    (renewed,) = await look(parts, KEY)
    assert not renewed.stale
    assert renewed.entry is not None
    assert renewed.entry.value == b"new"


async def test_a_stale_answer_ends_after_its_grace(parts: Parts) -> None:
    await fill(parts)
    parts.clock.now += 7_200

    assert (await look(parts, KEY))[0].tier is Tier.MISS


async def test_who_renews_in_vain_gets_what_another_replica_has_renewed(parts: Parts) -> None:
    await fill(parts)
    parts.clock.now += 3_600
    (fresh,) = (await parts.slower.get_many([KEY])).entries
    assert fresh is not None
    await parts.slower.put(
        KEY, replace(fresh, value=b"new", fresh_until=parts.clock.now + 60, expires_at=parts.clock.now + 60)
    )

    (found,) = await look(parts, KEY)

    assert found.lease is None
    assert not found.stale
    assert found.entry is not None
    assert found.entry.value == b"new"


@pytest.mark.parametrize(
    ("label", "goes"),
    [("e:a", True), ("e:b", False), ("d:faq", True), ("d:shop", False), ("d:*", False), ("n", False)],
)
async def test_a_change_of_the_bank_ends_exactly_what_it_touches(
    parts: Parts, label: str, *, goes: bool
) -> None:
    await fill(parts, KEY, replace(ANSWER, example_ids=("a",), domains=("faq",)))

    await parts.service.bank_changed({label: 2}, 2)

    assert ((await look(parts, KEY))[0].tier is Tier.MISS) == goes
    await parts.memory.clear(0)
    assert ((await look(parts, KEY))[0].tier is Tier.MISS) == goes


async def test_an_answer_that_knows_of_the_change_already_stays(parts: Parts) -> None:
    await fill(parts, KEY, replace(ANSWER, example_ids=("a",), sequence=2))

    await parts.service.bank_changed({"e:a": 2}, 2)

    assert (await look(parts, KEY))[0].tier is Tier.MEMORY


async def test_what_was_computed_before_a_change_and_arrives_after_it_is_refused(parts: Parts) -> None:
    token = await leased(parts, KEY)
    await parts.service.bank_changed({"e:a": 2}, 2)

    assert not await parts.service.fill(KEY, replace(ANSWER, example_ids=("a",), sequence=1), token)
    assert (await look(parts, KEY))[0].lease is not None


async def test_a_value_of_unknown_sequence_counts_as_computed_when_its_lease_was_given(parts: Parts) -> None:
    unknown = replace(ANSWER, example_ids=("a",), sequence=0)
    await parts.service.bank_changed({"e:other": 7}, 7)
    before, after = await leased(parts, KEY), await leased(parts, OTHER)
    assert await parts.service.fill(OTHER, unknown, after)

    await parts.service.bank_changed({"e:a": 8}, 8)

    assert not await parts.service.fill(KEY, unknown, before)


async def test_after_a_gap_in_the_feed_nothing_is_left_and_old_fills_are_refused(parts: Parts) -> None:
    await fill(parts)
    token = await leased(parts, OTHER)

    await parts.service.bank_unknown(50)

    assert (await look(parts, KEY))[0].tier is Tier.MISS
    assert not await parts.service.fill(OTHER, ANSWER, token)
    assert not await parts.service.fill(OTHER, ANSWER, "")
    assert await parts.service.fill(OTHER, replace(ANSWER, sequence=50), "")
    assert await parts.slower.position() == 50


async def test_what_a_person_invalidates_is_counted_once(parts: Parts) -> None:
    await fill(parts, KEY, replace(ANSWER, example_ids=("a",)))
    await fill(parts, OTHER, replace(ANSWER, domains=("faq",)))

    assert await parts.service.invalidate(asked(keys=[KEY], example_ids=["a"])) == 1
    assert await parts.service.invalidate(asked(domains=["faq"])) == 1
    assert await parts.service.invalidate(asked(everything=True)) == 0


async def test_what_is_being_computed_when_a_person_invalidates_is_refused(parts: Parts) -> None:
    by_key, other = await leased(parts, KEY), await leased(parts, OTHER)

    await parts.service.invalidate(asked(keys=[KEY]))
    assert not await parts.service.fill(KEY, ANSWER, by_key)

    await parts.service.invalidate(asked(example_ids=["a"]))
    assert not await parts.service.fill(OTHER, ANSWER, other)


async def test_what_is_read_while_it_is_forgotten_does_not_come_back(parts: Parts) -> None:
    await fill(parts)
    await parts.memory.clear(0)

    await asyncio.gather(look(parts, KEY, lease=False), parts.service.invalidate(asked(everything=True)))

    assert (await look(parts, KEY))[0].tier is Tier.MISS


async def test_watchers_hear_everything_first_then_what_is_forgotten(parts: Parts) -> None:
    watch = parts.service.watch()
    assert (await anext(watch)).everything

    await parts.service.invalidate(asked(keys=[KEY]))
    await parts.service.bank_changed({"e:a": 2}, 2)

    assert (await anext(watch)).keys == {KEY}
    assert (await anext(watch)).labels == {"e:a": 2}
    # Then nothing happens for a while, and that is said too.
    assert not await anext(watch)


async def test_a_watcher_that_does_not_keep_up_forgets_everything(parts: Parts) -> None:
    watch = parts.service.watch()
    await anext(watch)

    for _ in range(1_000):
        await parts.service.invalidate(asked(keys=[KEY]))

    assert (await anext(watch)).everything


async def test_warming_loads_what_was_filled_last(parts: Parts) -> None:
    keys = [key_of(str(number)) for number in range(5)]
    for key in keys:
        await fill(parts, key)
        parts.clock.now += 1
    await parts.memory.clear(0)

    assert await parts.service.warm(3) == 3

    assert [one.tier for one in await look(parts, *keys)] == [Tier.LOCAL] * 2 + [Tier.MEMORY] * 3


async def test_statistics_count_what_was_looked_up_and_where_it_was(parts: Parts) -> None:
    await fill(parts, KEY, replace(ANSWER, kind=EntryKind.NEGATIVE))
    await look(parts, KEY, OTHER)
    await parts.service.bank_changed({"n": 9}, 9)

    measured = await parts.service.statistics()

    assert measured.hits == {Tier.MISS: 2, Tier.MEMORY: 1}
    assert (measured.invalidated, measured.leases, measured.sequence) == (1, 1, 9)
    assert [(tier.tier, tier.entries) for tier in measured.tiers] == [(Tier.MEMORY, 0), (Tier.LOCAL, 0)]
    assert parts.registry.get_sample_value("mcai_knowledge_lookups_total", {"tier": "memory"}) == 1
    assert parts.registry.get_sample_value("mcai_knowledge_fills_total", {"outcome": "stored"}) == 1
    assert parts.registry.get_sample_value("mcai_knowledge_invalidated_total") == 1
