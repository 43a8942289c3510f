"""Who waits in this process for a value that somebody else computes."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from knowledge_svc.model import Key


class Waiters:
    """Wakes those who wait for a key."""

    def __init__(self) -> None:
        self._events: defaultdict[Key, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def watching(self, keys: Iterable[Key]) -> Iterator[asyncio.Event]:
        """Gives the block an event that is set whenever one of the keys is woken; clear it yourself."""
        event, watched = asyncio.Event(), tuple(keys)
        for key in watched:
            self._events[key].add(event)
        try:
            yield event
        finally:
            for key in watched:
                self._events[key].discard(event)
                if not self._events[key]:
                    del self._events[key]

    def wake(self, key: Key) -> None:
        """The key may be had now, or computed."""
        for event in self._events.get(key, ()):
            event.set()


async def within(event: asyncio.Event, seconds: float) -> None:
    """Returns when the event is set, at the latest after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
