"""Wakes who waits for the change feed; a poll beneath it covers what no signal tells."""

import asyncio
from typing import Final

POLL_SECONDS: Final = 0.2
"""Longest sleep of a waiter; with the read after it, a change that no signal told is seen within 250 ms."""


class FeedSignal:
    """How far the feed is known to have grown; for one event loop."""

    def __init__(self) -> None:
        self._head = 0
        self._grown = asyncio.Event()

    def advance(self, sequence: int) -> None:
        """Notes that the feed has reached `sequence`, and wakes everybody who waits."""
        if sequence > self._head:
            self._head = sequence
            self._wake()

    def restart(self, sequence: int) -> None:
        """Notes that the feed is another one, as after the database was restored, and reaches `sequence`."""
        self._head = sequence
        self._wake()

    async def wait(self, after_sequence: int, timeout_seconds: float) -> None:
        """Returns when the feed is known to be beyond `after_sequence`, or it is time to look."""
        if self._head > after_sequence:
            return
        grown = self._grown
        try:
            async with asyncio.timeout(min(timeout_seconds, POLL_SECONDS)):
                await grown.wait()
        except TimeoutError:
            return

    def _wake(self) -> None:
        # A new event for the next waiters: those of the old one all wake, and none has to clear it.
        self._grown.set()
        self._grown = asyncio.Event()
