"""The time that is left for the current request, carried as a context variable.

The server's deadline interceptor sets it from the call's own deadline, `limit` narrows it, and each
outbound call takes its timeout from it, so that no work goes on for a caller who has given up.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from servicekit.errors import DeadlineTooShort

Clock = Callable[[], float]

_ends_at: ContextVar[float | None] = ContextVar("mcai_deadline", default=None)


def remaining(*, clock: Clock = time.monotonic) -> float | None:
    """Returns the seconds that are left, 0.0 if the budget is spent, or None if there is no deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - clock())


def timeout(
    default_seconds: float, headroom_seconds: float = 0.02, *, clock: Clock = time.monotonic
) -> float:
    """Returns the timeout of an outbound call, in seconds.

    It is `default_seconds`, or what the caller's budget leaves after the headroom that the answer needs
    to travel back, if that is less.

    Raises:
        DeadlineTooShort: The budget does not even cover the headroom.
    """
    left = remaining(clock=clock)
    if left is None:
        return default_seconds
    if left <= headroom_seconds:
        raise DeadlineTooShort(f"Only {left * 1000:.0f} ms are left, too few for another call.")
    return min(default_seconds, left - headroom_seconds)


@contextmanager
def limit(seconds: float, *, clock: Clock = time.monotonic) -> Iterator[None]:
    """Gives the block `seconds` at the most; an inner limit is never longer than the outer one."""
    ends_at, outer = clock() + seconds, _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


@contextmanager
def unlimited() -> Iterator[None]:
    """Takes the deadline away; for background work that a request starts and does not wait for."""
    token = _ends_at.set(None)
    try:
        yield
    finally:
        _ends_at.reset(token)
