"""knowledge-svc beside the real dataset-svc, as embedded mode runs the two."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcai.dataset.v1 import bank_pb2
from mcai.knowledge.v1 import knowledge_pb2 as pb
from tests.support.dataset_replica import Replica as Bank
from tests.support.dataset_replica import dataset_replica, import_requests
from tests.support.knowledge_replica import Replica, cache_key, replica
from tests.support.waiting import eventually

KEY, OTHER = cache_key("What is TCP?"), cache_key("Is there a shop?", domains=("shop",))


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with dataset_replica(tmp_path / "bank") as started:
        yield started


@pytest.fixture
async def cache(bank: Bank, tmp_path: Path) -> AsyncIterator[Replica]:
    async with replica(tmp_path, "cache", dataset_target=bank.server.address) as started:
        yield started


async def in_step(cache: Replica, bank: Bank) -> int:
    """Waits until the cache has followed the bank, and returns to where."""

    async def followed() -> int:
        head = (await bank.stats()).head_sequence
        assert (await cache.stats()).bank_sequence == head
        return head

    return await eventually(followed)


async def is_cached(cache: Replica, key: pb.CacheKey) -> bool:
    return (await cache.look(key, lease=False)).tier != pb.CACHE_TIER_MISS


async def test_an_edit_ends_the_answer_that_was_built_on_it(bank: Bank, cache: Replica) -> None:
    example = (await bank.add("faq", "What is TCP?", "A protocol.")).example
    head = await in_step(cache, bank)
    assert await cache.fill(KEY, built_on=(example.id,), domains=("faq",), sequence=head)
    assert await cache.fill(OTHER, domains=("shop",), sequence=head)

    request = bank_pb2.UpdateExampleRequest(example_id=example.id, response="A transport protocol.")
    await bank.stub.UpdateExample(request)

    async def ended() -> bool:
        return not await is_cached(cache, KEY)

    # 300 ms is the promise; a machine under load gets some room.
    await eventually(ended, 5.0)
    assert await is_cached(cache, OTHER)


async def test_an_addition_makes_stale_only_the_answer_that_it_could_improve(
    bank: Bank, cache: Replica
) -> None:
    await bank.add("faq", "What is TCP?", "A protocol.")
    head = await in_step(cache, bank)
    other = cache_key("How do I bake bread?", domains=("faq",))
    for key in (KEY, other):
        assert await cache.fill(key, domains=("faq",), sequence=head)

    await bank.add("faq", "Why does TCP need a handshake?", "Both sides have to know.")
    await in_step(cache, bank)

    async def stale() -> bool:
        return (await cache.look(KEY, lease=False)).stale

    await eventually(stale)
    assert not (await cache.look(other, lease=False)).stale


async def test_an_import_makes_stale_what_its_domain_could_have_answered(bank: Bank, cache: Replica) -> None:
    await bank.add("faq", "What is TCP?", "A protocol.")
    head = await in_step(cache, bank)
    assert await cache.fill(KEY, domains=("faq",), sequence=head)
    assert await cache.fill(OTHER, domains=("shop",), sequence=head)

    rows = [
        bank_pb2.ImportRow(domain="faq", prompt=f"Question {number}?", response="Yes.")
        for number in range(3_000)
    ]
    await bank.stub.ImportExamples(import_requests([rows[:1_000], rows[1_000:2_000], rows[2_000:]]))
    await in_step(cache, bank)

    async def stale() -> bool:
        return (await cache.look(KEY, lease=False)).stale

    await eventually(stale)
    assert not (await cache.look(OTHER, lease=False)).stale
    assert await is_cached(cache, OTHER)


async def test_what_changed_while_the_replica_was_away_never_comes_back(bank: Bank, tmp_path: Path) -> None:
    """It is asked from the first moment on, and what did not change comes out of memory in the end."""
    example = (await bank.add("faq", "What is TCP?", "A protocol.")).example
    target = bank.server.address
    async with replica(tmp_path, "cache", dataset_target=target, warm_entries=10) as before:
        head = await in_step(before, bank)
        assert await before.fill(KEY, built_on=(example.id,), domains=("faq",), sequence=head)
        assert await before.fill(OTHER, domains=("shop",), sequence=head)
        for key in (KEY, OTHER):
            assert await is_cached(before, key)

    request = bank_pb2.UpdateExampleRequest(example_id=example.id, response="A transport protocol.")
    await bank.stub.UpdateExample(request)

    async with replica(tmp_path, "cache", dataset_target=target, warm_entries=10) as after:
        came_back: list[bool] = []

        async def warm() -> bool:
            came_back.append(await is_cached(after, KEY))
            return (await after.look(OTHER, lease=False)).tier == pb.CACHE_TIER_MEMORY

        await eventually(warm)
        await in_step(after, bank)
        assert not any(came_back)
        assert not await is_cached(after, KEY)
