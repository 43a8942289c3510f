"""What the suite of all tiers does not ask: the bound, the sweep, and a file that cannot be trusted."""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from knowledge_svc.model import Invalidation
from knowledge_svc.sqlite_tier import SqliteTier
from tests.support.knowledge_parts import ManualClock, entry_of, key_of

KEY, OTHER = key_of("one"), key_of("other")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.sqlite"


@pytest.fixture
async def tier(path: Path, clock: ManualClock) -> AsyncIterator[SqliteTier]:
    tier = SqliteTier(path, 50_000, clock)
    yield tier
    await tier.close()


async def test_the_oldest_go_when_it_is_full(tier: SqliteTier) -> None:
    keys = [key_of(str(number)) for number in range(60)]
    for key in keys:
        await tier.put(key, entry_of(os.urandom(2_000)))
        (measure,) = await tier.measure()
        assert measure.size <= 50_000

    kept = [bool(entry) for entry in (await tier.get_many(keys)).entries]
    assert kept == sorted(kept)
    assert 20 <= sum(kept) <= 25


async def test_what_is_past_its_grace_is_swept_out(tier: SqliteTier, clock: ManualClock) -> None:
    for number in range(10):
        await tier.put(key_of(str(number)), entry_of())
    clock.now += 7_200

    for number in range(64):
        await tier.put(KEY, entry_of(str(number).encode(), now=clock.now))

    (measure,) = await tier.measure()
    assert measure.entries == 1


async def test_it_comes_back_as_it_was_closed(path: Path, clock: ManualClock) -> None:
    before = SqliteTier(path, 50_000, clock)
    await before.put(KEY, entry_of(built_on=("a",)))
    await before.evict(Invalidation(labels={"e:b": 7}, sequence=7))
    size = (await before.measure())[0].size
    await before.close()

    after = SqliteTier(path, 50_000, clock)

    assert (await after.get_many([KEY])).entries == [entry_of(built_on=("a",))]
    assert await after.position() == 7
    assert (await after.measure())[0].size == size > 0
    assert await after.evict(Invalidation(labels={"e:a": 8}, sequence=8)) == {KEY}
    await after.close()


def write_rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish " * 1_000)


def write_another_version(path: Path) -> None:
    execute(path, "PRAGMA user_version = 99")


def write_another_schema(path: Path) -> None:
    execute(path, "CREATE TABLE entries (x)")


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("damage", [write_rubbish, write_another_version, write_another_schema])
async def test_a_file_that_cannot_be_trusted_is_begun_anew(
    path: Path, clock: ManualClock, damage: Callable[[Path], None]
) -> None:
    damage(path)
    tier = SqliteTier(path, 50_000, clock)

    assert (await tier.get_many([KEY])).entries == [None]
    assert await tier.position() is None
    await tier.put(KEY, entry_of())

    assert (await tier.get_many([KEY])).entries == [entry_of()]
    await tier.close()


async def test_what_could_not_be_forgotten_is_not_served(tier: SqliteTier, path: Path) -> None:
    await tier.put(KEY, entry_of(built_on=("a",)))
    await tier.put(OTHER, entry_of())
    execute(path, "DROP TABLE labels")

    assert await tier.evict(Invalidation(labels={"e:a": 9}, sequence=9)) == set()

    assert (await tier.get_many([KEY, OTHER])).entries == [None, None]
    await tier.put(KEY, entry_of())
    assert (await tier.get_many([KEY])).entries == [entry_of()]


async def test_a_directory_that_cannot_be_written_is_an_empty_cache(
    tmp_path: Path, clock: ManualClock
) -> None:
    (tmp_path / "file").touch()
    tier = SqliteTier(tmp_path / "file" / "cache.sqlite", 50_000, clock)

    assert await tier.put(KEY, entry_of())

    assert (await tier.get_many([KEY])).entries == [None]
    (measure,) = await tier.measure()
    assert not measure.available
    assert await tier.clear(3) == 0
    await tier.close()
