"""Two replicas of the real service on Unix sockets, sharing one real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mcai.knowledge.v1 import knowledge_pb2 as pb
from tests.support.knowledge_replica import Replica, cache_key, replica
from tests.support.waiting import eventually

KEY = cache_key("What is TCP?")


@pytest.fixture
async def replicas(redis_url: str, tmp_path: Path) -> AsyncIterator[tuple[Replica, Replica]]:
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(replica(tmp_path, name, redis_url=redis_url))
            for name in ("one", "other")
        ]
        yield one, other


async def test_what_one_fills_the_other_finds_and_promotes(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    lease = (await one.look(KEY)).lease
    assert await one.fill(KEY, token=lease.token, built_on=("a",), sequence=3)

    found = await other.look(cache_key("  what IS tcp? "))

    assert found.tier == pb.CACHE_TIER_REDIS
    assert found.entry == pb.CacheEntry(
        value=b"an answer", kind=pb.ENTRY_KIND_ANSWER, example_ids=["a"], bank_sequence=3
    )
    assert not found.HasField("lease")
    assert (await other.look(KEY)).tier == pb.CACHE_TIER_MEMORY


async def test_two_hundred_who_ask_at_once_compute_once(replicas: tuple[Replica, Replica]) -> None:
    computed = 0

    async def answer(one: Replica) -> bytes:
        nonlocal computed
        result = await one.look(KEY, wait_seconds=9.0)
        if result.HasField("lease"):
            computed += 1
            value = f"computation {computed}".encode()
            assert await one.fill(KEY, value, token=result.lease.token)
            return value
        return result.entry.value

    answers = await asyncio.gather(*(answer(replicas[number % 2]) for number in range(200)))

    assert computed == 1
    assert set(answers) == {b"computation 1"}


async def test_a_lease_of_one_replica_may_be_filled_or_released_at_the_other(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    released = (await one.look(KEY)).lease.token
    await other.stub.Release(pb.ReleaseRequest(key=KEY, lease_token=released))
    token = (await one.look(KEY)).lease.token

    assert not await other.fill(KEY, token=released)
    assert await other.fill(KEY, token=token)


async def test_the_lease_of_one_who_died_is_free_again_and_its_late_answer_refused(
    redis_url: str, tmp_path: Path
) -> None:
    seconds = 0.5
    async with (
        replica(tmp_path, "one", redis_url=redis_url, lease_seconds=seconds) as one,
        replica(tmp_path, "other", redis_url=redis_url, lease_seconds=seconds) as other,
    ):
        lost = (await one.look(KEY)).lease.token

        waited = await other.look(KEY, wait_seconds=9.0)

        assert waited.HasField("lease")
        assert not await one.fill(KEY, b"too late", token=lost)
        assert await other.fill(KEY, b"in time", token=waited.lease.token)
        assert (await one.look(KEY)).entry.value == b"in time"


async def test_who_waits_on_the_other_replica_is_woken(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    token = (await one.look(KEY)).lease.token
    waiting = asyncio.create_task(other.look(KEY, wait_seconds=9.0))

    await one.fill(KEY, token=token)

    assert (await waiting).entry.value == b"an answer"


@pytest.mark.parametrize(
    "what", [{"keys": [KEY]}, {"example_ids": ["a"]}, {"domains": ["faq"]}, {"all": True}]
)
async def test_what_is_invalidated_on_one_is_forgotten_on_the_other(
    replicas: tuple[Replica, Replica], what: dict[str, object]
) -> None:
    one, other = replicas
    await one.fill(KEY, built_on=("a",), domains=("faq",))
    # The other has heard all that was said before, so its memory keeps what it reads now.
    await eventually(lambda: in_memory(other))

    assert await one.invalidate(**what) == 1

    assert (await one.look(KEY, lease=False)).tier == pb.CACHE_TIER_MISS
    await eventually(lambda: missed(other))


async def in_memory(one: Replica) -> bool:
    return (await one.look(KEY, lease=False)).tier == pb.CACHE_TIER_MEMORY


async def missed(one: Replica) -> bool:
    return (await one.look(KEY, lease=False)).tier == pb.CACHE_TIER_MISS


async def test_a_batch_is_answered_in_its_order(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    keys = [cache_key(f"question {number}") for number in range(128)]
    for number in range(0, 128, 2):
        await one.fill(keys[number], str(number).encode())

    response = await other.stub.BatchLookup(pb.BatchLookupRequest(keys=keys, want_lease=True))

    assert [result.entry.value for result in response.results[::2]] == [
        str(number).encode() for number in range(0, 128, 2)
    ]
    assert all(result.HasField("lease") for result in response.results[1::2])


async def test_a_new_replica_finds_what_was_filled_before_it_came(
    replicas: tuple[Replica, Replica], redis_url: str, tmp_path: Path
) -> None:
    await replicas[0].fill(KEY)

    async with replica(tmp_path, "third", redis_url=redis_url) as third:
        assert (await third.stub.Warm(pb.WarmRequest())).loaded == 1
        assert (await third.look(KEY)).tier == pb.CACHE_TIER_MEMORY


async def test_a_watcher_hears_what_another_replica_forgets(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    await one.fill(KEY)
    await eventually(lambda: in_memory(other))
    watch = other.stub.WatchInvalidations(pb.WatchInvalidationsRequest())
    stream = aiter(watch)
    assert (await anext(stream)).all

    await one.invalidate(keys=[KEY])

    async with asyncio.timeout(10):
        while not (said := await anext(stream)).key_hashes:
            assert not said.all
    assert list(said.key_hashes) == [(await one_hit(one)).key_hash]
    watch.cancel()


async def one_hit(one: Replica) -> pb.LookupResult:
    await one.fill(KEY)
    return await one.look(KEY)


async def test_the_tiers_are_measured(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    await one.fill(KEY, b"x" * 1_000)
    await other.look(cache_key("unknown"))
    await other.look(KEY)

    stats = await other.stats()

    rows = {row.tier: row for row in stats.tiers}
    assert [rows[tier].available for tier in sorted(rows)] == [True, True, False]
    assert rows[pb.CACHE_TIER_REDIS].entries == 1
    assert rows[pb.CACHE_TIER_REDIS].hits == 1
    assert (stats.lookups, stats.hits, stats.misses, stats.leases) == (2, 1, 1, 1)
