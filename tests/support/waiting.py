"""Waiting for a condition, with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_POLL_SECONDS = 0.01


@overload
async def eventually(condition: Callable[[], Awaitable[T]], timeout_seconds: float = ...) -> T: ...
@overload
async def eventually(condition: Callable[[], T], timeout_seconds: float = ...) -> T: ...
async def eventually(condition: Callable[[], T | Awaitable[T]], timeout_seconds: float = 10.0) -> T:
    """Returns the first truthy result of `condition`, which may be a coroutine function.

    An `AssertionError` that the condition raises counts as "not yet".

    Raises:
        AssertionError: The deadline passed; the last one of the condition itself, if it raised one.
    """
    ends_at = time.monotonic() + timeout_seconds
    while True:
        failure: AssertionError | None = None
        try:
            outcome = condition()
            result = await outcome if inspect.isawaitable(outcome) else outcome
        except AssertionError as error:
            failure = error
        else:
            if result:
                return result
        if time.monotonic() >= ends_at:
            raise failure or AssertionError(f"Not so within {timeout_seconds} s: {condition!r}")
        await asyncio.sleep(_POLL_SECONDS)
