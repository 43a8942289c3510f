"""Answers that were worked out before: their keys, their bytes, and the lease on a missing one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final

import msgspec

from gateway.chat.model import (
    EXTRACTIVE,
    MAX_KEY_CHARACTERS,
    SHARED_SCOPE,
    CacheEntry,
    CacheKey,
    Composed,
    Findings,
    Recalled,
    Tier,
)
from gateway.chat.ports import Recall
from gateway.chat.retrieve import Lookup

_FORMAT: Final = 1
_MAX_DECODED: Final = 256
_decoder: Final = msgspec.json.Decoder(Composed)


def cache_key(lookup: Lookup, user_id: str | None, *, min_confidence: float) -> CacheKey | None:
    """Returns the key of a question, or None if its answer is not to be cached.

    An answer that the history had a part in is kept for its user alone, and for nobody if there is none.
    How the answer is laid out for a person is no part of the key, since it is done after recalling.
    """
    scope = SHARED_SCOPE
    if lookup.from_history:
        scope = f"user:{user_id}" if user_id else ""
    if not scope or not 0 < len(lookup.text) <= MAX_KEY_CHARACTERS:
        return None
    options = (f"format={_FORMAT}", f"min_confidence={min_confidence:g}")
    # A lookup that widens may be answered out of any domain.
    domains = () if lookup.widens else tuple(sorted(set(lookup.domains)))
    return CacheKey(lookup.text, scope, domains, options, EXTRACTIVE)


def encode(composed: Composed) -> bytes:
    """Returns the answer as UTF-8 JSON."""
    return msgspec.json.encode(composed)


def decode(value: bytes | None) -> Composed | None:
    """Returns the answer, or None for nothing and for what another version wrote."""
    return None if value is None else _decoded(value)


@lru_cache(maxsize=_MAX_DECODED)
def _decoded(value: bytes) -> Composed | None:
    """What is held near by comes as the same bytes each time."""
    try:
        return _decoder.decode(value)
    except msgspec.DecodeError:
        return None


class Slot:
    """One question's place in the cache while it is being answered.

    Attributes:
        composed: The answer found there; None on a miss.
        tier: Where it was found.
        stale: Whether it is past its freshness.
    """

    def __init__(self, key: CacheKey | None, recalled: Recalled) -> None:
        self.composed = decode(recalled.value)
        self.tier = recalled.tier if self.composed is not None else Tier.MISS
        self.stale = recalled.stale and self.composed is not None
        self._key = key
        self._lease = recalled.lease
        self._entry: CacheEntry | None = None

    @property
    def settled(self) -> bool:
        """Whether the answer found serves as it is: it is fresh, or somebody else renews it already."""
        return self.composed is not None and not (self.stale and self._lease is not None)

    def keep(self, composed: Composed, findings: Findings) -> None:
        """Have the answer stored when the slot is left; one that is not cacheable is not."""
        if self._key is not None and composed.cacheable:
            example_ids = tuple(source.id for source in composed.sources)
            self._entry = CacheEntry(encode(composed), example_ids, self._key.domains, findings.sequence)

    async def leave(self, recall: Recall) -> None:
        """Store what is to be kept or, with nothing to keep, let the next caller work it out.

        Without a lease nothing is stored: whoever holds it stores the same answer.
        """
        if self._key is None or self._lease is None:
            return
        if self._entry is None:
            await recall.release(self._key, lease=self._lease)
        else:
            await recall.fill(self._key, self._entry, lease=self._lease)


@asynccontextmanager
async def cache_slot(recall: Recall, key: CacheKey | None, *, wait_seconds: float) -> AsyncIterator[Slot]:
    """Looks a question up; the lease on it ends with the block, however the block ends."""
    recalled = Recalled() if key is None else await recall.lookup(key, wait_seconds=wait_seconds)
    slot = Slot(key, recalled)
    try:
        yield slot
    finally:
        await slot.leave(recall)
