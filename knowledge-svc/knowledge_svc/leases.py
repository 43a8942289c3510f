"""The lease book of one process: used when there is no Redis, and while it is away."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from knowledge_svc.model import Key, Lease

# How long a spent lease keeps others out at the most: far more than any put may take.
SPENT_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Held:
    token: str
    expires_at: float
    spent: bool = False


class MemoryLeases:
    """A LeaseBook in memory; its methods never suspend, so each is atomic in the event loop.

    Args:
        seconds: How long a lease lives.
        book: Name that no other book has, so that another process's tokens are not taken for ours.
        clock: Seconds from any origin that never go back.
    """

    def __init__(self, seconds: float, book: str, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._book = book
        self._clock = clock
        self._held: dict[Key, _Held] = {}
        self._fence = itertools.count(1)

    async def acquire(self, keys: Sequence[Key], sequence: int) -> Mapping[Key, Lease]:
        """See `LeaseBook`."""
        now = self._clock()
        self._drop_expired(now)
        granted: dict[Key, Lease] = {}
        for key in keys:
            if key in self._held:
                continue
            token = f"{self._book}.{next(self._fence)}.{sequence}"
            self._held[key] = _Held(token, now + self._seconds)
            granted[key] = Lease(token, self._seconds)
        return granted

    def knows(self, token: str) -> bool:
        """Whether this book made the token."""
        return token.startswith(f"{self._book}.")

    async def redeem(self, key: Key, token: str) -> bool:
        """See `LeaseBook`."""
        now = self._clock()
        held = self._held.get(key)
        if held is None or held.token != token or held.spent or held.expires_at <= now:
            return False
        held.spent, held.expires_at = True, now + SPENT_SECONDS
        return True

    async def release(self, key: Key, token: str) -> None:
        """See `LeaseBook`."""
        held = self._held.get(key)
        if held is not None and held.token == token:
            del self._held[key]

    async def revoke(self, keys: Collection[Key] | None) -> None:
        """See `LeaseBook`."""
        if keys is None:
            self._held.clear()
        else:
            for key in keys:
                self._held.pop(key, None)

    async def count(self) -> int:
        """See `LeaseBook`."""
        now = self._clock()
        return sum(held.expires_at > now for held in self._held.values())

    def _drop_expired(self, now: float) -> None:
        for key in [key for key, held in self._held.items() if held.expires_at <= now]:
            del self._held[key]
