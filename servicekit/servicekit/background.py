"""Loops that run beside the server for as long as the process lives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from servicekit.logs import get_logger

_log = get_logger(__name__)

# Long enough that a fault which lasts does not fill the log.
_PAUSE_SECONDS: Final = 2.0
_ASK_AGAIN_SECONDS: Final = 1.0


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Cancels loops and returns when they have ended, in whatever way.

    It asks again each second, so a loop has that long to tidy up: until Python 3.12 asyncio.wait_for, which
    the client of Redis uses, may lose a cancellation (https://github.com/python/cpython/issues/86296).
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_ASK_AGAIN_SECONDS)


@asynccontextmanager
async def in_background(
    name: str, loop: Callable[[], Awaitable[None]], *, pause_seconds: float = _PAUSE_SECONDS
) -> AsyncIterator[None]:
    """Runs an endless loop for the time of the block; one that breaks is logged and begun again."""
    running = asyncio.create_task(_again_and_again(name, loop, pause_seconds), name=name)
    try:
        yield
    finally:
        await ended(running)


async def _again_and_again(name: str, loop: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
    while True:
        try:
            await loop()
        except Exception as error:  # noqa: BLE001 - whatever broke it, the loop must not stay away unnoticed
            _log.error("background loop broke", loop=name, error=repr(error), exc_info=error)
        await asyncio.sleep(pause_seconds)
