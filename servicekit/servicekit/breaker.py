"""Circuit breaker with a time budget: a dependency that never answers costs one budget, then nothing.

    CLOSED ──one failure that used up the budget, or some quick ones in a row──▶ OPEN
      ▲                                                                          │ reset_seconds
      └──────────── the probe succeeds ──────── HALF_OPEN ◀──────────────────────┘
                                                    └── the probe fails ──▶ OPEN

An unsupervised breaker lets one ordinary call through as the probe. A supervised one (`supervise`) lets
none through: its supervisor probes in the background and calls `close`, so that no caller ever waits.

One event loop uses a breaker; it is not thread-safe.
"""

import asyncio
import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import grpc

from servicekit import deadline
from servicekit.errors import (
    AWAY,
    BreakerOpen,
    DeadlineExceeded,
    DeadlineTooShort,
    ServiceError,
    StoreUnavailable,
)
from servicekit.logs import get_logger

_log = get_logger(__name__)

# Refusals of our own: they say nothing about the dependency.
_OWN_REFUSALS: Final = (BreakerOpen, DeadlineTooShort)


class State(enum.Enum):
    """Whether calls are let through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


def is_outage(error: BaseException) -> bool:
    """Returns whether an error speaks of an absent dependency.

    Any foreign exception does, so map foreign errors inside the guard; of our own errors, those in `AWAY`.
    """
    return isinstance(error, AWAY) if isinstance(error, ServiceError) else isinstance(error, Exception)


def _brief(error: BaseException | None) -> str | None:
    """One line for the log; gRPC's own text of an error has five."""
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return None if error is None else f"{type(error).__name__}: {error}"


class Breaker:
    """Refuses calls to one dependency while it is known to be away.

    Args:
        name: Name of the dependency, for people.
        budget_seconds: What one call may cost; a failure that took as long opens the breaker by itself.
        reset_seconds: How long it stays open before a probe.
        failures_to_open: Quick failures in a row that open it.
        counts: Whether an error speaks of an outage; the others count as an answer.
        clock: Seconds from any origin that never go back.
    """

    def __init__(
        self,
        name: str,
        *,
        budget_seconds: float,
        reset_seconds: float,
        failures_to_open: int = 3,
        counts: Callable[[BaseException], bool] = is_outage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.budget_seconds = budget_seconds
        self.reset_seconds = reset_seconds
        self._failures_to_open = failures_to_open
        self._counts = counts
        self._clock = clock
        self._state = State.CLOSED
        self._failures = 0
        self._opened_at = self._answered_at = float("-inf")
        self._probe: Attempt | None = None
        self._on_open: Callable[[], None] | None = None

    @property
    def state(self) -> State:
        """The state at this moment."""
        return self._state

    def supervise(self, on_open: Callable[[], None]) -> None:
        """Leaves the probing to a supervisor; `on_open` is called each time that the breaker opens."""
        self._on_open = on_open

    def admit(self) -> "Attempt":
        """Lets one call through; its outcome must be told to the returned attempt.

        Raises:
            BreakerOpen: The dependency is known to be away.
        """
        now = self._clock()
        if self._state is State.CLOSED:
            return Attempt(self, now)
        if self._may_probe(now):
            self._state = State.HALF_OPEN
            self._probe = Attempt(self, now)
            return self._probe
        wait = max(0.0, self._opened_at + self.reset_seconds - now)
        raise BreakerOpen(
            f"{self.name} is away.", retry_after_seconds=wait, metadata={"dependency": self.name}
        )

    def guard(self, *, budget_seconds: float | None = None) -> "Guard":
        """Returns an async context manager that admits its block, bounds it in time and tells the outcome.

        The block is cancelled after `budget_seconds` (else the breaker's), or when the caller's deadline
        comes first.

        Raises:
            BreakerOpen: The dependency is known to be away; the block did not run.
            StoreUnavailable: The block took the whole budget.
            DeadlineExceeded: The caller's deadline came first.
        """
        return Guard(self, self.budget_seconds if budget_seconds is None else budget_seconds)

    def close(self) -> None:
        """Notes that the dependency answers, whatever was thought before."""
        self._answered_at, self._failures, self._probe = self._clock(), 0, None
        if self._state is not State.CLOSED:
            self._state = State.CLOSED
            _log.info("breaker closed", dependency=self.name)

    def trip(self, error: BaseException | None = None) -> None:
        """Notes that the dependency is away, whatever was thought before; `error` says how that showed."""
        self._state, self._opened_at, self._failures, self._probe = State.OPEN, self._clock(), 0, None
        _log.warning("breaker open", dependency=self.name, error=_brief(error))
        if self._on_open is not None:
            self._on_open()

    def answered(self) -> None:
        """Notes a sign of life in the middle of a call; unlike `close` it does not end a probe."""
        self._answered_at = self._clock()

    def _may_probe(self, now: float) -> bool:
        if self._on_open is not None:
            return False
        if self._state is State.OPEN:
            return now >= self._opened_at + self.reset_seconds
        # A probe that was lost without a word must not keep the breaker half-open for ever.
        lost_after = self.budget_seconds + self.reset_seconds
        return self._probe is not None and now >= self._probe.started_at + lost_after

    def _failed(self, attempt: "Attempt", error: BaseException | None) -> None:
        now = self._clock()
        if self._state is State.CLOSED:
            self._failures += 1
            # An answer since the call began means that this call was slow, not that the peer is silent.
            silent = self._answered_at < attempt.started_at
            used_up = now - attempt.started_at >= self.budget_seconds
            if (used_up and silent) or self._failures >= self._failures_to_open:
                self.trip(error)
        elif attempt is self._probe:
            self._state, self._opened_at, self._probe = State.OPEN, now, None

    def _abandoned(self, attempt: "Attempt") -> None:
        if attempt is self._probe:
            self._state, self._probe = State.OPEN, None


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """One admitted call, which ends in exactly one of its three methods."""

    breaker: Breaker
    started_at: float

    def succeeded(self) -> None:
        """The dependency answered, be it with an error of its own."""
        self.breaker.close()

    def failed(self, error: BaseException | None = None) -> None:
        """The dependency did not answer."""
        self.breaker._failed(self, error)  # noqa: SLF001 - an attempt is a part of its breaker

    def abandoned(self) -> None:
        """The call ended for reasons that say nothing about the dependency."""
        self.breaker._abandoned(self)  # noqa: SLF001 - an attempt is a part of its breaker

    def ended(self, error: BaseException | None) -> None:
        """Tells the outcome by the exception that the call ended with, None for a success."""
        breaker = self.breaker
        if error is None:
            self.succeeded()
        elif isinstance(error, _OWN_REFUSALS):
            self.abandoned()
        elif isinstance(error, Exception):
            self.failed(error) if breaker._counts(error) else self.succeeded()  # noqa: SLF001 - as above
        elif breaker._clock() - self.started_at >= breaker.budget_seconds:  # noqa: SLF001 - as above
            self.failed(error)  # cancelled by a caller who had waited the whole budget
        else:
            self.abandoned()


class Guard:
    """The async context manager of `Breaker.guard`; a class, because a cache hit costs only tens of µs."""

    __slots__ = ("_attempt", "_breaker", "_budget_seconds", "_limit", "_own_budget", "_timeout")

    def __init__(self, breaker: Breaker, budget_seconds: float) -> None:
        self._breaker = breaker
        self._budget_seconds = budget_seconds

    async def __aenter__(self) -> None:
        left = deadline.remaining()
        if left is not None and left <= 0:
            raise DeadlineTooShort("No time is left for another call.")
        self._own_budget = left is None or self._budget_seconds < left
        seconds = self._budget_seconds if left is None else min(self._budget_seconds, left)
        self._attempt = self._breaker.admit()
        self._limit = deadline.limit(seconds)
        self._limit.__enter__()
        self._timeout = asyncio.timeout(seconds)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.__exit__(None, None, None)
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            self._attempt.failed(late)
            raise self._too_late() from None
        self._attempt.ended(error)

    def _too_late(self) -> ServiceError:
        name = self._breaker.name
        if self._own_budget:
            return StoreUnavailable(f"{name} did not answer within {self._budget_seconds * 1000:.0f} ms.")
        return DeadlineExceeded(f"The caller's deadline came before the answer of {name}.")
