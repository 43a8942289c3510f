"""What this gateway answered last, for the time when everything is away."""

from collections import OrderedDict
from typing import Final

from gateway.chat.model import CacheKey

_ENTRY_OVERHEAD_BYTES: Final = 512  # key, entry and bookkeeping, measured roughly


class LastAnswers:
    """Answers that nobody says are still true; what may be given as fresh is in near_cache.py.

    Bounded in bytes; the least recently used goes first.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._values: OrderedDict[CacheKey, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: CacheKey) -> bytes | None:
        """Returns the value of a key, which becomes the most recently used."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: CacheKey, value: bytes) -> None:
        """Keeps a value; one that is larger than the whole store is not kept."""
        if self._values.get(key) is value:
            self._values.move_to_end(key)
            return
        self.drop(key)
        size = _size(key, value)
        if size > self._max_bytes:
            return
        self._values[key] = value
        self._bytes += size
        while self._bytes > self._max_bytes:
            oldest, dropped = self._values.popitem(last=False)
            self._bytes -= _size(oldest, dropped)

    def drop(self, key: CacheKey) -> None:
        """Forgets a key."""
        value = self._values.pop(key, None)
        if value is not None:
            self._bytes -= _size(key, value)

    def clear(self) -> None:
        """Forgets everything."""
        self._values.clear()
        self._bytes = 0


def _size(key: CacheKey, value: bytes) -> int:
    return len(value) + 4 * len(key.question) + _ENTRY_OVERHEAD_BYTES
