import asyncio

import pytest

from servicekit import deadline
from servicekit.errors import DeadlineTooShort


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_deadline_the_default_holds() -> None:
    assert deadline.remaining() is None
    assert deadline.timeout(1.5) == 1.5


def test_an_outbound_call_gets_what_is_left_less_the_headroom() -> None:
    clock = Clock()
    with deadline.limit(1.0, clock=clock):
        clock.now += 0.25
        assert deadline.remaining(clock=clock) == pytest.approx(0.75)
        assert deadline.timeout(5.0, 0.05, clock=clock) == pytest.approx(0.70)
        assert deadline.timeout(0.1, 0.05, clock=clock) == 0.1
    assert deadline.remaining() is None


def test_an_inner_limit_is_never_longer_than_the_outer_one() -> None:
    clock = Clock()
    with deadline.limit(1.0, clock=clock):
        with deadline.limit(60.0, clock=clock):
            assert deadline.remaining(clock=clock) == pytest.approx(1.0)
        with deadline.limit(0.5, clock=clock):
            assert deadline.remaining(clock=clock) == pytest.approx(0.5)
        assert deadline.remaining(clock=clock) == pytest.approx(1.0)


def test_a_spent_budget_is_zero_and_refuses_calls() -> None:
    clock = Clock()
    with deadline.limit(1.0, clock=clock):
        clock.now += 2.0
        assert deadline.remaining(clock=clock) == 0.0
        with pytest.raises(DeadlineTooShort):
            deadline.timeout(1.0, clock=clock)


def test_a_budget_that_covers_only_the_headroom_refuses_calls() -> None:
    clock = Clock()
    with deadline.limit(0.02, clock=clock), pytest.raises(DeadlineTooShort, match="20 ms"):
        deadline.timeout(1.0, 0.02, clock=clock)


async def test_tasks_inherit_the_deadline_and_background_work_can_shed_it() -> None:
    async def seen() -> float | None:
        return deadline.remaining()

    with deadline.limit(10.0):
        assert await asyncio.create_task(seen()) is not None
        with deadline.unlimited():
            background = asyncio.create_task(seen())
        assert await background is None
        assert deadline.remaining() is not None
