"""The service as embedded mode runs it: no Redis, a local file, one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mcai.knowledge.v1 import knowledge_pb2 as pb
from servicekit.errors import ConfigurationError, InvalidArgument, translating
from tests.support.knowledge_replica import Replica, cache_key, replica

KEY = cache_key("What is TCP?")


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Replica]:
    async with replica(tmp_path, "alone") as started:
        yield started


async def test_no_redis_is_a_mode_and_not_a_fault(alone: Replica) -> None:
    result, missing = await alone.look_and_tell(KEY)

    assert (result.tier, missing) == (pb.CACHE_TIER_MISS, frozenset())
    assert [row.tier for row in (await alone.stats()).tiers] == [pb.CACHE_TIER_MEMORY, pb.CACHE_TIER_LOCAL]


async def test_a_hundred_who_ask_at_once_compute_once(alone: Replica) -> None:
    async def answer() -> bool:
        result = await alone.look(KEY, wait_seconds=9.0)
        if result.HasField("lease"):
            assert await alone.fill(KEY, token=result.lease.token)
        return result.HasField("lease")

    assert sum(await asyncio.gather(*(answer() for _ in range(100)))) == 1


async def test_answers_outlive_a_restart(tmp_path: Path) -> None:
    async with replica(tmp_path, "alone") as before:
        await before.fill(KEY)

    async with replica(tmp_path, "alone") as after:
        assert (await after.look(KEY)).tier == pb.CACHE_TIER_LOCAL
        assert (await after.look(KEY)).tier == pb.CACHE_TIER_MEMORY


async def test_a_damaged_file_is_an_empty_cache(tmp_path: Path) -> None:
    async with replica(tmp_path, "alone") as before:
        await before.fill(KEY)
    (tmp_path / "data" / "replica-1" / "cache.sqlite").write_bytes(b"no database" * 1_000)

    async with replica(tmp_path, "alone") as after:
        assert (await after.look(KEY, lease=False)).tier == pb.CACHE_TIER_MISS
        await after.fill(KEY)
        assert (await after.look(KEY)).tier == pb.CACHE_TIER_MEMORY


async def test_the_contexts_of_two_users_never_meet(alone: Replica) -> None:
    await alone.fill(cache_key("What did I say?", scope="ann"))

    for scope in ("bob", "shared", "Ann"):
        assert (await alone.look(cache_key("What did I say?", scope=scope))).tier == pb.CACHE_TIER_MISS


BAD_LOOKUPS: list[tuple[str, pb.CacheKey]] = [
    ("question is empty", cache_key("  ")),
    ("question is longer", cache_key("x" * 16_385)),
    ("scope is empty", cache_key("x", scope="")),
    ("name in the key", cache_key("x", domains=("y" * 513,))),
    ("more than 1000", cache_key("x", domains=tuple(str(number) for number in range(1_001)))),
]


@pytest.mark.parametrize(("sentence", "key"), BAD_LOOKUPS, ids=[sentence for sentence, _ in BAD_LOOKUPS])
async def test_a_bad_key_is_told_in_a_sentence(alone: Replica, sentence: str, key: pb.CacheKey) -> None:
    with pytest.raises(InvalidArgument, match=sentence), translating("knowledge-svc"):
        await alone.look(key)


BAD_FILLS: list[tuple[str, Callable[[Replica], object]]] = [
    ("1048577 bytes", lambda alone: alone.fill(KEY, b"x" * 1_048_577)),
    ("bank_sequence is negative", lambda alone: alone.fill(KEY, sequence=-1)),
    ("1 to 512 characters", lambda alone: alone.fill(KEY, built_on=("",))),
    ("129 items", lambda alone: alone.invalidate(keys=[KEY] * 129)),
]


@pytest.mark.parametrize(("sentence", "call"), BAD_FILLS, ids=[sentence for sentence, _ in BAD_FILLS])
async def test_a_bad_entry_is_told_in_a_sentence(alone: Replica, sentence: str, call: Callable) -> None:  # type: ignore[type-arg]  # any of the above
    with pytest.raises(InvalidArgument, match=sentence), translating("knowledge-svc"):
        await call(alone)


async def test_the_largest_value_is_kept(alone: Replica) -> None:
    value = bytes(1_048_576)
    assert await alone.fill(KEY, value)

    assert (await alone.look(KEY)).entry.value == value


async def test_every_metric_is_exported(alone: Replica) -> None:
    lease = (await alone.look(KEY)).lease
    await alone.fill(KEY, token=lease.token)
    await alone.look(KEY)

    samples = {
        "mcai_knowledge_memory_bytes": None,
        "mcai_knowledge_bank_sequence": None,
        "mcai_knowledge_leases_total": None,
        "mcai_knowledge_invalidated_total": None,
        "mcai_knowledge_fills_total": {"outcome": "stored"},
        "mcai_knowledge_lookups_total": {"tier": "memory"},
    }
    values = {name: alone.registry.get_sample_value(name, labels) for name, labels in samples.items()}

    assert None not in values.values()
    assert values["mcai_knowledge_memory_bytes"]
    assert values["mcai_knowledge_lookups_total"] == 1
    assert values["mcai_knowledge_leases_total"] == 1


async def test_a_malformed_redis_url_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MCAI_REDIS_URL"):
        async with replica(tmp_path, "alone", redis_url="http://user:secret@nowhere"):
            pass


async def test_two_processes_on_one_data_directory_keep_files_of_their_own(tmp_path: Path) -> None:
    async with replica(tmp_path, "one") as one, replica(tmp_path, "other") as other:
        await one.fill(KEY)

        assert (await one.look(KEY)).tier == pb.CACHE_TIER_MEMORY
        assert (await other.look(KEY)).tier == pb.CACHE_TIER_MISS


async def test_a_paraphrase_has_the_answer_only_where_that_is_asked_for(tmp_path: Path) -> None:
    for name, shares in (("strict", False), ("sharing", True)):
        async with replica(tmp_path / name, name, share_paraphrases=shares) as one:
            leased = await one.look(cache_key("how do i reset my password"))
            assert (
                await one.fill(cache_key("how can i reset my password"), token=leased.lease.token) is shares
            )
            assert await one.fill(cache_key("how can i reset my password"))

            paraphrase = await one.look(cache_key("How do I reset my password?"), lease=False)
            negated = await one.look(cache_key("how can i not reset my password"), lease=False)

        assert (paraphrase.tier != pb.CACHE_TIER_MISS) is shares
        assert negated.tier == pb.CACHE_TIER_MISS
