"""Each way in which Redis can fail under the real service: answers go on, and what was learnt comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from mcai.knowledge.v1 import knowledge_pb2 as pb
from tests.support.knowledge_replica import Replica, cache_key, replica
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer, another_server
from tests.support.waiting import eventually

KEY, OTHER, THIRD = (cache_key(f"What is {name}?") for name in ("TCP", "UDP", "IP"))
BUDGET_MS = 200.0
SLOW_SECONDS = 5 * BUDGET_MS / 1000
NOBODY = "127.0.0.1:1"


@dataclass(frozen=True)
class Redis:
    """The session's Redis, and the way to it that the replica goes."""

    server: RedisServer
    proxy: FaultyProxy

    async def tell(self, *command: str) -> None:
        async with redis.asyncio.Redis.from_url(self.server.url()) as client:
            await client.execute_command(*command)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def proxied(there: Redis, break_it: Callable[[FaultyProxy], Awaitable[None]]) -> AsyncIterator[None]:
    await break_it(there.proxy)
    try:
        yield
    finally:
        await there.proxy.pass_through()


@asynccontextmanager
async def wrong_address(there: Redis) -> AsyncIterator[None]:
    there.proxy.lead_to(NOBODY)
    try:
        yield
    finally:
        there.proxy.lead_to(there.server.address)


@asynccontextmanager
async def told(there: Redis, begin: tuple[str, ...], end: tuple[str, ...]) -> AsyncIterator[None]:
    await there.tell(*begin)
    try:
        yield
    finally:
        await there.tell(*end)


FAULTS: dict[str, Callable[[Redis], AbstractAsyncContextManager[None]]] = {
    "hang": lambda there: proxied(there, FaultyProxy.hang),
    "refuse": lambda there: proxied(there, FaultyProxy.refuse),
    "latency": lambda there: proxied(there, lambda proxy: proxy.delay(SLOW_SECONDS)),
    "cut": lambda there: proxied(there, FaultyProxy.cut_replies),
    "nonsense": lambda there: proxied(there, FaultyProxy.talk_nonsense),
    "wrong-address": wrong_address,
    "read-only": lambda there: told(there, ("REPLICAOF", *NOBODY.split(":")), ("REPLICAOF", "NO", "ONE")),
    "full": lambda there: told(
        there, ("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")
    ),
}
Fault = Callable[[Redis], AbstractAsyncContextManager[None]]
every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())


@pytest.fixture
async def there(redis_server: RedisServer, redis_url: str) -> AsyncIterator[Redis]:
    assert redis_url
    async with FaultyProxy(redis_server.address) as proxy:
        yield Redis(redis_server, proxy)


@pytest.fixture
async def behind(there: Redis, tmp_path: Path) -> AsyncIterator[Replica]:
    """A replica whose Redis fails."""
    url = there.server.url(address=there.proxy.address)
    async with replica(tmp_path, "behind", redis_url=url, redis_budget_ms=BUDGET_MS) as started:
        yield started


@asynccontextmanager
async def fresh(directory: Path, url: str) -> AsyncIterator[Replica]:
    """Another replica that reaches Redis directly and has nothing of its own: it finds what Redis has."""
    async with replica(directory, "fresh", redis_url=url) as started:
        yield started


async def whole_again(one: Replica) -> None:
    async def is_whole() -> bool:
        return not (await one.look_and_tell(KEY))[1]

    await eventually(is_whole, timeout_seconds=10.0)


async def held(one: Replica, key: pb.CacheKey) -> bool:
    return (await one.look(key, lease=False)).tier != pb.CACHE_TIER_MISS


@every_fault
async def test_answers_go_on_and_what_was_learnt_is_handed_back(
    behind: Replica, there: Redis, tmp_path: Path, fault: Fault
) -> None:
    await behind.fill(KEY)
    async with fault(there):
        result = await behind.look(OTHER)
        assert result.HasField("lease")
        assert await behind.fill(OTHER, token=result.lease.token)
        assert await held(behind, KEY)
        assert await held(behind, OTHER)

    await whole_again(behind)
    # A full Redis is never away: what it had no room for goes with the next answer.
    await behind.fill(THIRD)

    async with fresh(tmp_path, there.server.url()) as other:
        for key in (KEY, OTHER, THIRD):
            assert (await other.look(key)).tier == pb.CACHE_TIER_REDIS


@every_fault
async def test_what_was_forgotten_meanwhile_stays_forgotten(
    behind: Replica, there: Redis, tmp_path: Path, fault: Fault
) -> None:
    await behind.fill(KEY, built_on=("a",))
    async with fault(there):
        assert await behind.fill(OTHER, token=(await behind.look(OTHER)).lease.token, built_on=("a",))

        await behind.invalidate(example_ids=["a"])

        assert not await held(behind, KEY)
        assert not await held(behind, OTHER)
    await whole_again(behind)
    await behind.fill(THIRD)

    assert not await held(behind, KEY)
    async with fresh(tmp_path, there.server.url()) as other:
        assert [await held(other, key) for key in (KEY, OTHER, THIRD)] == [False, False, True]


@every_fault
async def test_what_another_replica_was_told_to_forget_is_not_handed_back(
    behind: Replica, there: Redis, tmp_path: Path, fault: Fault
) -> None:
    async with fresh(tmp_path, there.server.url()) as other, AsyncExitStack() as stack:
        await behind.fill(KEY)
        await stack.enter_async_context(fault(there))
        assert await behind.fill(OTHER, token=(await behind.look(OTHER)).lease.token, built_on=("a",))

        await other.invalidate(example_ids=["a"])
        await stack.aclose()
        await whole_again(behind)
        await behind.fill(THIRD)

        async def gone() -> bool:
            return not await held(other, OTHER) and not await held(behind, OTHER)

        await eventually(gone, timeout_seconds=5.0)
        assert await held(other, THIRD)


@every_fault
async def test_of_many_who_ask_one_computes(behind: Replica, there: Redis, fault: Fault) -> None:
    async def answer() -> bool:
        result = await behind.look(KEY, wait_seconds=9.0)
        if result.HasField("lease"):
            assert await behind.fill(KEY, token=result.lease.token)
        return result.HasField("lease")

    async with fault(there):
        assert sum(await asyncio.gather(*(answer() for _ in range(50)))) == 1


@every_fault
async def test_a_fault_costs_one_budget_once(behind: Replica, there: Redis, fault: Fault) -> None:
    await behind.look(KEY)
    async with fault(there):
        started = time.monotonic()
        for number in range(30):
            await behind.look(cache_key(f"question {number}"))
        took = time.monotonic() - started

    # With a budget each it would be 6 s.
    assert took < 10 * BUDGET_MS / 1000
    await whole_again(behind)


@pytest.fixture
def promoted() -> Iterator[RedisServer]:
    """The server that takes over."""
    with another_server() as server:
        yield server


@pytest.mark.parametrize("demoted_lives", [False, True], ids=["gone", "read-only"])
async def test_a_failover_to_another_address_is_followed(
    behind: Replica, there: Redis, promoted: RedisServer, tmp_path: Path, demoted_lives: bool
) -> None:
    await behind.fill(KEY)
    async with AsyncExitStack() as stack:
        if demoted_lives:
            await stack.enter_async_context(FAULTS["read-only"](there))
        there.proxy.lead_to(promoted.address, keep_open=demoted_lives)

        async def goes_there() -> bool:
            result = await behind.look(OTHER)
            if result.HasField("lease"):
                assert await behind.fill(OTHER, token=result.lease.token)
            return await entries(promoted) > 0

        async def entries(server: RedisServer) -> int:
            async with redis.asyncio.Redis.from_url(server.url()) as client:
                names: list[Any] = await client.keys("mcai:k1:*:e:*")
                return len(names)

        await behind.fill(THIRD)
        await whole_again(behind)
        await behind.fill(OTHER)
        await eventually(goes_there, timeout_seconds=5.0)
    async with fresh(tmp_path, promoted.url()) as other:
        assert await held(other, OTHER)
