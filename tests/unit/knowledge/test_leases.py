import pytest

from knowledge_svc.leases import MemoryLeases
from tests.support.knowledge_parts import ManualClock, key_of

KEY = key_of("a question")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def leases(clock: ManualClock) -> MemoryLeases:
    return MemoryLeases(10.0, "book", clock)


async def test_a_lease_that_is_never_ended_is_free_after_its_time(
    leases: MemoryLeases, clock: ManualClock
) -> None:
    await leases.acquire([KEY], 1)
    clock.now += 9.9
    assert await leases.acquire([KEY], 1) == {}

    clock.now += 0.1

    assert KEY in await leases.acquire([KEY], 1)


async def test_a_lease_that_ran_out_cannot_be_redeemed_even_if_nobody_took_it(
    leases: MemoryLeases, clock: ManualClock
) -> None:
    token = (await leases.acquire([KEY], 1))[KEY].token
    clock.now += 10

    assert not await leases.redeem(KEY, token)


async def test_a_spent_lease_keeps_others_out_for_a_second(leases: MemoryLeases, clock: ManualClock) -> None:
    token = (await leases.acquire([KEY], 1))[KEY].token
    assert await leases.redeem(KEY, token)
    assert await leases.acquire([KEY], 1) == {}

    clock.now += 1

    assert KEY in await leases.acquire([KEY], 1)


async def test_it_keeps_nothing_of_leases_that_ran_out(leases: MemoryLeases, clock: ManualClock) -> None:
    await leases.acquire([key_of(str(number)) for number in range(100)], 1)
    clock.now += 10

    await leases.acquire([KEY], 1)

    assert len(leases._held) == await leases.count() == 1


async def test_it_knows_its_own_tokens(leases: MemoryLeases) -> None:
    token = (await leases.acquire([KEY], 1))[KEY].token

    assert leases.knows(token)
    assert not leases.knows("7.another.1")
