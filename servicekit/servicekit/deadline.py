"""The time that is left for the current request, carried as a context variable.

The server's deadline interceptor sets it from the call's own deadline, `limit` narrows it, and each
outbound call takes its timeout from it, so that no work goes on for a caller who has given up.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, Token

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


def limit(seconds: float, *, clock: Clock = time.monotonic) -> AbstractContextManager[None]:
    """Gives the block `seconds` at the most; an inner limit is never longer than the outer one."""
    return _Limit(clock() + seconds)


class _Limit:
    """A class and no generator: every request and every call enters some of these."""

    __slots__ = ("_ends_at", "_token")

    def __init__(self, ends_at: float) -> None:
        self._ends_at = ends_at
        self._token: Token[float | None]

    def __enter__(self) -> None:
        outer = _ends_at.get()
        self._token = _ends_at.set(self._ends_at if outer is None else min(self._ends_at, outer))

    def __exit__(self, *_: object) -> None:
        _ends_at.reset(self._token)


@contextmanager
def unlimited() -> Iterator[None]:
    """Takes the deadline away; for background work that a request starts and does not wait for."""
    token = _ends_at.set(None)
    try:
        yield
    finally:
        _ends_at.reset(token)
