import asyncio
import copy

import grpc
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule
from structlog.testing import capture_logs

from servicekit import deadline
from servicekit.breaker import Attempt, Breaker, State, is_outage
from servicekit.errors import (
    BreakerOpen,
    DeadlineExceeded,
    DeadlineTooShort,
    NotFound,
    PeerUnavailable,
    StoreUnavailable,
)

BUDGET, RESET = 0.25, 1.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker_of(clock: Clock) -> Breaker:
    return Breaker("redis", budget_seconds=BUDGET, reset_seconds=RESET, clock=clock)


def opened(clock: Clock) -> Breaker:
    breaker = breaker_of(clock)
    breaker.trip()
    return breaker


def state_of(breaker: Breaker) -> State:
    return breaker.state  # behind a function, for a type checker takes an attribute to stay as it was


def test_one_failure_that_used_up_the_budget_opens_it() -> None:
    clock = Clock()
    breaker = breaker_of(clock)
    attempt = breaker.admit()
    clock.now += BUDGET

    attempt.failed(TimeoutError())

    assert state_of(breaker) is State.OPEN
    with pytest.raises(BreakerOpen, match="redis is away") as raised:
        breaker.admit()
    assert raised.value.retry_after_seconds == RESET
    assert raised.value.metadata == {"dependency": "redis"}


def test_quick_failures_open_it_when_there_are_three_in_a_row() -> None:
    breaker = breaker_of(Clock())
    for _ in range(2):
        breaker.admit().failed()
    breaker.admit().succeeded()
    for _ in range(2):
        breaker.admit().failed()
    assert state_of(breaker) is State.CLOSED

    breaker.admit().failed()

    assert state_of(breaker) is State.OPEN


def test_a_slow_call_does_not_open_it_while_others_are_answered() -> None:
    clock = Clock()
    breaker = breaker_of(clock)
    slow, quick = breaker.admit(), breaker.admit()
    clock.now += BUDGET / 2
    quick.succeeded()
    clock.now += BUDGET

    slow.failed(TimeoutError())

    assert state_of(breaker) is State.CLOSED


def test_half_open_lets_exactly_one_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += RESET

    probe = breaker.admit()
    assert state_of(breaker) is State.HALF_OPEN
    with pytest.raises(BreakerOpen):
        breaker.admit()
    probe.succeeded()

    assert state_of(breaker) is State.CLOSED
    breaker.admit()


def test_a_failed_probe_opens_it_for_another_while() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += RESET
    breaker.admit().failed()

    clock.now += RESET * 0.9
    with pytest.raises(BreakerOpen):
        breaker.admit()
    clock.now += RESET * 0.2
    breaker.admit()


def test_an_abandoned_probe_gives_its_place_to_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += RESET
    breaker.admit().abandoned()

    assert state_of(breaker) is State.OPEN
    breaker.admit().succeeded()
    assert state_of(breaker) is State.CLOSED


def test_a_probe_that_was_lost_does_not_keep_it_half_open_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += RESET
    breaker.admit()

    clock.now += BUDGET + RESET

    breaker.admit().succeeded()
    assert state_of(breaker) is State.CLOSED


def test_a_late_answer_closes_it_and_a_late_failure_changes_nothing() -> None:
    clock = Clock()
    breaker = breaker_of(clock)
    good, bad = breaker.admit(), breaker.admit()
    breaker.trip()
    clock.now += RESET / 2

    bad.failed()
    clock.now += RESET / 2
    probe = breaker.admit()
    assert state_of(breaker) is State.HALF_OPEN
    probe.failed()

    good.succeeded()
    assert state_of(breaker) is State.CLOSED


def test_a_supervised_breaker_lets_nobody_through_until_it_is_closed() -> None:
    clock, calls = Clock(), list[str]()
    breaker = breaker_of(clock)
    breaker.supervise(lambda: calls.append("open"))
    breaker.trip()
    clock.now += 100 * RESET

    with pytest.raises(BreakerOpen):
        breaker.admit()
    assert calls == ["open"]
    breaker.close()
    breaker.admit()


def test_only_transitions_are_logged() -> None:
    clock = Clock()
    with capture_logs() as lines:
        breaker = breaker_of(clock)
        error = grpc.aio.AioRpcError(
            grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "refused"
        )
        for _ in range(3):
            breaker.admit().failed(error)
        clock.now += RESET
        breaker.admit().failed(error)
        clock.now += RESET
        breaker.admit().succeeded()
        breaker.admit().succeeded()

    assert [line["event"] for line in lines] == ["breaker open", "breaker closed"]
    assert lines[0]["error"] == "UNAVAILABLE: refused"


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (StoreUnavailable("x"), True),
        (PeerUnavailable("x"), True),
        (DeadlineExceeded("x"), True),
        (ConnectionError(), True),
        (NotFound("x"), False),
        (asyncio.CancelledError(), False),
    ],
    ids=repr,
)
def test_what_speaks_of_an_outage(error: BaseException, outage: bool) -> None:
    assert is_outage(error) is outage


async def test_the_guard_tells_the_outcome_of_its_block() -> None:
    breaker = breaker_of(Clock())
    for _ in range(2):
        with pytest.raises(ConnectionError):
            async with breaker.guard():
                raise ConnectionError
    with pytest.raises(NotFound):
        async with breaker.guard():
            raise NotFound("It answers.")
    for _ in range(3):
        with pytest.raises(ConnectionError):
            async with breaker.guard():
                raise ConnectionError

    with pytest.raises(BreakerOpen):
        async with breaker.guard():
            pytest.fail("the block of an open breaker does not run")


async def test_a_refusal_inside_the_guard_says_nothing_about_the_dependency() -> None:
    breaker = breaker_of(Clock())
    for _ in range(5):
        for refusal in (BreakerOpen("another one"), DeadlineTooShort("too short")):
            with pytest.raises(type(refusal)):
                async with breaker.guard():
                    raise refusal

    assert state_of(breaker) is State.CLOSED


async def test_the_guard_ends_a_block_that_takes_the_whole_budget() -> None:
    breaker = Breaker("redis", budget_seconds=0.01, reset_seconds=60.0)

    with pytest.raises(StoreUnavailable, match="redis did not answer within 10 ms"):
        async with breaker.guard():
            await asyncio.Event().wait()

    assert state_of(breaker) is State.OPEN


async def test_the_guard_ends_a_block_at_the_callers_deadline() -> None:
    breaker = Breaker("redis", budget_seconds=60.0, reset_seconds=60.0)

    with deadline.limit(0.01), pytest.raises(DeadlineExceeded, match="redis"):
        async with breaker.guard():
            await asyncio.Event().wait()

    assert state_of(breaker) is State.CLOSED, "a caller in a hurry is not an outage"


async def test_the_guard_limits_the_deadline_of_its_block_and_begins_nothing_without_time() -> None:
    breaker = breaker_of(Clock())
    async with breaker.guard(budget_seconds=5.0):
        left = deadline.remaining()
        assert left is not None
        assert 4.0 < left <= 5.0
    assert deadline.remaining() is None

    with deadline.limit(0.0), pytest.raises(DeadlineTooShort):
        async with breaker.guard():
            pytest.fail("there is no time")


async def test_a_cancelled_block_counts_only_if_it_waited_the_whole_budget() -> None:
    async def cancelled_after(seconds: float) -> Breaker:
        clock, entered = Clock(), asyncio.Event()
        breaker = breaker_of(clock)

        async def block() -> None:
            async with breaker.guard(budget_seconds=60.0):
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(block())
        await entered.wait()
        clock.now += seconds
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return breaker

    assert state_of(await cancelled_after(BUDGET / 2)) is State.CLOSED
    assert state_of(await cancelled_after(BUDGET)) is State.OPEN


class BreakerMachine(RuleBasedStateMachine):
    """Any order of calls, outcomes and times, against a few promises that hold in every state."""

    attempts: "Bundle[Attempt]" = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = breaker_of(self.clock)
        self.probing: Attempt | None = None

    @rule(seconds=st.floats(min_value=0.0, max_value=2 * RESET))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(target=attempts)
    @precondition(lambda self: self.breaker.state is State.CLOSED)
    def closed_admits_all(self) -> Attempt:
        return self.breaker.admit()

    @rule()
    @precondition(lambda self: self.breaker.state is not State.CLOSED)
    def not_closed_admits_one_probe_at_the_most(self) -> None:
        admitted, waits = [], []
        for _ in range(3):
            try:
                admitted.append(self.breaker.admit())
            except BreakerOpen as refusal:
                waits.append(refusal.retry_after_seconds)
        assert len(admitted) <= 1
        assert all(wait is not None and 0.0 <= wait <= RESET for wait in waits)
        if admitted:
            assert self.breaker.state is State.HALF_OPEN
            self.probing = admitted[0]

    @rule(attempt=consumes(attempts))
    def a_call_succeeds(self, attempt: Attempt) -> None:
        attempt.succeeded()
        assert self.breaker.state is State.CLOSED

    @rule(attempt=consumes(attempts))
    def a_call_fails(self, attempt: Attempt) -> None:
        before = self.breaker.state
        attempt.failed(ConnectionError())
        if before is not State.CLOSED:
            assert self.breaker.state is before

    @rule(attempt=consumes(attempts))
    def a_call_is_abandoned(self, attempt: Attempt) -> None:
        before = self.breaker.state
        attempt.abandoned()
        assert self.breaker.state is before

    @rule(outcome=st.sampled_from(["succeeded", "failed", "abandoned"]))
    @precondition(lambda self: self.probing is not None)
    def the_probe_ends(self, outcome: str) -> None:
        assert self.probing is not None
        was_probe, self.probing = self.probing, None
        half_open = self.breaker.state is State.HALF_OPEN
        getattr(was_probe, outcome)()
        if outcome == "succeeded":
            assert self.breaker.state is State.CLOSED
        elif half_open:
            assert self.breaker.state in {State.OPEN, State.HALF_OPEN}

    @invariant()
    def it_is_never_stuck(self) -> None:
        twin, now = copy.copy(self.breaker), self.clock.now
        self.clock.now += BUDGET + RESET
        twin.admit().succeeded()
        self.clock.now = now
        assert twin.state is State.CLOSED


TestBreakerMachine = BreakerMachine.TestCase
