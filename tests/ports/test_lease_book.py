"""One suite for every LeaseBook: in memory, in a real Redis, and the fallback with Redis there and away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from knowledge_svc.leases import MemoryLeases
from knowledge_svc.ports import LeaseBook, sequence_of
from tests.support.knowledge_parts import key_of
from tests.support.knowledge_redis import redis_parts
from tests.support.waiting import eventually

KEY, OTHER = key_of("one"), key_of("other")
NOBODY = "redis://127.0.0.1:1/0"
LONG, SHORT = 60.0, 0.05


@asynccontextmanager
async def book_of(kind: str, url: str, directory: Path, seconds: float) -> AsyncIterator[LeaseBook]:
    if kind == "memory":
        yield MemoryLeases(seconds, "book", time.monotonic)
    else:
        async with redis_parts(url, directory, time.time, lease_seconds=seconds) as parts:
            yield parts.leases if kind == "redis" else parts.fallback_leases


@pytest.fixture(params=["memory", "redis", "fallback", "fallback-away"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("redis_url") if kind in {"redis", "fallback"} else NOBODY


@pytest.fixture
async def book(kind: str, url: str, tmp_path: Path) -> AsyncIterator[LeaseBook]:
    async with book_of(kind, url, tmp_path, LONG) as book:
        yield book


@pytest.fixture
async def short_book(kind: str, url: str, tmp_path: Path) -> AsyncIterator[LeaseBook]:
    async with book_of(kind, url, tmp_path, SHORT) as book:
        yield book


async def test_of_many_who_ask_at_once_one_gets_the_lease(book: LeaseBook) -> None:
    granted = await asyncio.gather(*(book.acquire([KEY, OTHER], 1) for _ in range(20)))

    assert sorted(key for leases in granted for key in leases) == sorted([KEY, OTHER])
    assert await book.count() == 2


async def test_a_lease_says_how_long_it_lives_and_when_it_began(book: LeaseBook) -> None:
    lease = (await book.acquire([KEY], 42))[KEY]

    assert lease.seconds == LONG
    assert sequence_of(lease.token) == 42


async def test_it_is_redeemed_once_with_its_own_token_for_its_own_key(book: LeaseBook) -> None:
    leases = await book.acquire([KEY, OTHER], 1)
    token = leases[KEY].token

    assert not await book.redeem(KEY, leases[OTHER].token)
    assert not await book.redeem(OTHER, token)
    assert not await book.redeem(KEY, "")
    assert await book.redeem(KEY, token)
    assert not await book.redeem(KEY, token)


async def test_a_spent_lease_keeps_others_out_until_it_is_released(book: LeaseBook) -> None:
    token = (await book.acquire([KEY], 1))[KEY].token
    await book.redeem(KEY, token)
    assert await book.acquire([KEY], 1) == {}

    await book.release(KEY, token)

    assert KEY in await book.acquire([KEY], 1)


async def test_a_lease_that_was_lost_is_not_released_for_its_next_holder(book: LeaseBook) -> None:
    lost = (await book.acquire([KEY], 1))[KEY].token
    await book.release(KEY, lost)
    held = (await book.acquire([KEY], 1))[KEY].token

    await book.release(KEY, lost)

    assert await book.acquire([KEY], 1) == {}
    assert await book.redeem(KEY, held)


async def test_a_later_lease_has_another_token(book: LeaseBook) -> None:
    first = (await book.acquire([KEY], 1))[KEY].token
    await book.release(KEY, first)

    assert (await book.acquire([KEY], 1))[KEY].token != first


async def test_it_is_free_again_after_its_time(short_book: LeaseBook) -> None:
    late = (await short_book.acquire([KEY], 1))[KEY].token

    granted = await eventually(lambda: short_book.acquire([KEY], 1))

    assert KEY in granted
    assert not await short_book.redeem(KEY, late)


async def test_revoking_some_leaves_the_others(book: LeaseBook) -> None:
    leases = await book.acquire([KEY, OTHER], 1)

    await book.revoke([KEY])

    assert not await book.redeem(KEY, leases[KEY].token)
    assert await book.redeem(OTHER, leases[OTHER].token)


async def test_revoking_none_takes_none(book: LeaseBook) -> None:
    leases = await book.acquire([KEY], 1)

    await book.revoke(())

    assert await book.redeem(KEY, leases[KEY].token)


async def test_revoking_all_takes_all(book: LeaseBook) -> None:
    leases = await book.acquire([KEY, OTHER], 1)

    await book.revoke(None)

    assert await book.count() == 0
    for key in (KEY, OTHER):
        assert not await book.redeem(key, leases[key].token)
