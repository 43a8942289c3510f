"""Who is told of every invalidation, so that a near cache elsewhere stays right."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from knowledge_svc.model import Invalidation

# A watcher that is further behind is told to forget everything, which takes no room.
_MAX_WAITING: Final = 256

EVERYTHING: Final = Invalidation(everything=True)


class Watchers:
    """Hands every invalidation to every watcher."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Invalidation]] = set()

    def tell(self, invalidation: Invalidation) -> None:
        """Hands it out.

        A watcher may hold what our tiers have long dropped, and knows no labels: a label is everything.
        """
        plain = EVERYTHING if invalidation.labels or invalidation.everything else invalidation
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(EVERYTHING)
            else:
                queue.put_nowait(plain)

    async def watch(self) -> AsyncIterator[Invalidation]:
        """Yields "everything" first, since nobody knows what was missed, then each invalidation."""
        queue: asyncio.Queue[Invalidation] = asyncio.Queue(_MAX_WAITING)
        self._queues.add(queue)
        try:
            yield EVERYTHING
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
