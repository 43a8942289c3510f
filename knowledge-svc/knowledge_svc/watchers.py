"""Who is told of every invalidation, so that a near cache elsewhere stays right."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from knowledge_svc.model import Invalidation

# To a watcher that is further behind, and of more sources at once, "everything" is said: it takes no room.
_MAX_WAITING: Final = 256
_MAX_SOURCES: Final = 1_000
# A near cache trusts what it holds for three of these without a word (gateway, near_cache.py).
_HEARTBEAT_SECONDS: Final = 0.1

EVERYTHING: Final = Invalidation(everything=True)
HEARTBEAT: Final = Invalidation()


class Watchers:
    """Hands every invalidation to every watcher."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Invalidation]] = set()

    def tell(self, invalidation: Invalidation) -> None:
        """Hands it out; a watcher may hold what our tiers have long dropped, so all of it is told."""
        sources = len(invalidation.keys) + len(invalidation.labels) + len(invalidation.additions)
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(EVERYTHING)
            else:
                queue.put_nowait(EVERYTHING if sources > _MAX_SOURCES else invalidation)

    async def watch(self) -> AsyncIterator[Invalidation]:
        """Yields "everything" first, since nobody knows what was missed, then each invalidation.

        Where there is nothing to say for a while an empty one is a sign of life.
        """
        queue: asyncio.Queue[Invalidation] = asyncio.Queue(_MAX_WAITING)
        self._queues.add(queue)
        try:
            yield EVERYTHING
            while True:
                try:
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        said = await queue.get()
                except TimeoutError:
                    said = HEARTBEAT
                yield said
        finally:
            self._queues.discard(queue)
