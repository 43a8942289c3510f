import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from knowledge_svc.model import Found, Tier, example_label
from knowledge_svc.sqlite_tier import SqliteTier
from knowledge_svc.warm_start import WarmStart
from tests.support.knowledge_parts import ManualClock, Parts, entry_of, key_of
from tests.support.waiting import eventually

HOT, WARM, COLD = key_of("hot"), key_of("warm"), key_of("cold")


@pytest.fixture
async def tier(tmp_path: Path) -> AsyncIterator[SqliteTier]:
    opened = SqliteTier(tmp_path / "cache.sqlite", 1_000_000, ManualClock())
    yield opened
    await opened.close()


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return tmp_path / "hottest.keys"


def warm_start(
    parts: Parts,
    snapshot: Path,
    *,
    limit: int = 10,
    at_head: asyncio.Event | None = None,
    patience_seconds: float = 60.0,
) -> WarmStart:
    return WarmStart(parts.service, snapshot, limit=limit, at_head=at_head, patience_seconds=patience_seconds)


@asynccontextmanager
async def started(warming: WarmStart) -> AsyncIterator[None]:
    task = asyncio.create_task(warming.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def note(snapshot: Path, data: bytes) -> None:
    snapshot.write_bytes(data)


def noted(snapshot: Path) -> bytes:
    return snapshot.read_bytes()


async def look(parts: Parts, key: bytes) -> Found:
    (found,) = await parts.service.lookup([key], want_lease=False, wait_seconds=0.0)
    return found


async def in_memory(parts: Parts, *keys: bytes) -> None:
    async def there() -> bool:
        return [key for key in (HOT, WARM, COLD) if parts.memory.holds(key)] == list(keys)

    await eventually(there)


async def test_what_was_asked_for_most_is_loaded_and_nothing_else(tier: SqliteTier, snapshot: Path) -> None:
    before = Parts(tier, ManualClock())
    warming = warm_start(before, snapshot, limit=2)
    async with started(warming):
        for key in (HOT, WARM, COLD):
            await before.service.fill(key, entry_of(), "")
        for key in (HOT, HOT, HOT, WARM):
            await look(before, key)
        await in_memory(before, HOT, WARM, COLD)
        await warming.save()

    after = Parts(tier, ManualClock())
    async with started(warm_start(after, snapshot, limit=2)):
        await in_memory(after, HOT, WARM)
    assert noted(snapshot) == HOT + WARM


async def test_without_a_snapshot_what_was_filled_last_is_loaded(tier: SqliteTier, snapshot: Path) -> None:
    for key in (HOT, WARM, COLD):
        await tier.put(key, entry_of())
    parts = Parts(tier, ManualClock())

    async with started(warm_start(parts, snapshot, limit=1)):
        await in_memory(parts, COLD)


async def test_nothing_is_found_before_the_feed_was_followed_to_its_head(
    tier: SqliteTier, snapshot: Path
) -> None:
    await tier.put(HOT, entry_of(built_on=("e",)))
    await tier.put(WARM, entry_of())
    note(snapshot, HOT + WARM)
    parts, at_head = Parts(tier, ManualClock()), asyncio.Event()

    async with started(warm_start(parts, snapshot, at_head=at_head)):
        assert (await look(parts, HOT)).tier is Tier.MISS
        assert await parts.service.warm(10) == 0
        await parts.service.bank_changed({example_label("e"): 9}, 9)
        at_head.set()
        await in_memory(parts, WARM)

    assert (await look(parts, HOT)).tier is Tier.MISS
    assert (await look(parts, WARM)).tier is Tier.MEMORY


async def test_an_answer_worked_out_meanwhile_is_found_at_once(tier: SqliteTier, snapshot: Path) -> None:
    await tier.put(HOT, entry_of(b"of before"))
    parts = Parts(tier, ManualClock())
    warm_start(parts, snapshot, at_head=asyncio.Event())

    await parts.service.fill(HOT, entry_of(b"of now"), "")

    assert (found := (await look(parts, HOT)).entry) is not None
    assert found.value == b"of now"


async def test_a_bank_that_does_not_answer_is_not_waited_for_for_ever(
    tier: SqliteTier, snapshot: Path
) -> None:
    await tier.put(HOT, entry_of())
    parts = Parts(tier, ManualClock())

    async with started(warm_start(parts, snapshot, at_head=asyncio.Event(), patience_seconds=0.01)):
        await in_memory(parts, HOT)


@pytest.mark.parametrize("damaged", [HOT + WARM[:5], HOT + bytes(32), HOT])
async def test_a_snapshot_that_was_cut_or_names_what_is_gone_warms_the_rest(
    tier: SqliteTier, snapshot: Path, damaged: bytes
) -> None:
    await tier.put(HOT, entry_of())
    note(snapshot, damaged)
    parts = Parts(tier, ManualClock())

    async with started(warm_start(parts, snapshot)):
        await in_memory(parts, HOT)


async def test_a_replica_that_ends_before_it_has_warmed_up_leaves_the_snapshot_alone(
    tier: SqliteTier, snapshot: Path
) -> None:
    note(snapshot, HOT)
    warming = warm_start(Parts(tier, ManualClock()), snapshot, at_head=asyncio.Event())

    async with started(warming):
        await warming.save()

    assert noted(snapshot) == HOT


async def test_a_disk_that_takes_no_snapshot_stops_nothing(tier: SqliteTier, tmp_path: Path) -> None:
    parts = Parts(tier, ManualClock())
    warming = warm_start(parts, tmp_path / "nowhere" / "hottest.keys")

    async with started(warming):
        await parts.service.fill(HOT, entry_of(), "")
        await in_memory(parts, HOT)
        await warming.save()
