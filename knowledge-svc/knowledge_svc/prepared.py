"""Results of a lookup as messages; what stays the same from hit to hit is put together once."""

from typing import Final

from google.protobuf.duration_pb2 import Duration

from knowledge_svc.model import Entry, EntryKind, Found, Key, Tier
from mcai.knowledge.v1 import knowledge_pb2 as pb

TIERS: Final = {
    Tier.MISS: pb.CACHE_TIER_MISS,
    Tier.MEMORY: pb.CACHE_TIER_MEMORY,
    Tier.REDIS: pb.CACHE_TIER_REDIS,
    Tier.LOCAL: pb.CACHE_TIER_LOCAL,
}
KINDS: Final = {
    EntryKind.ANSWER: pb.ENTRY_KIND_ANSWER,
    EntryKind.NEGATIVE: pb.ENTRY_KIND_NEGATIVE,
    EntryKind.DATASET: pb.ENTRY_KIND_DATASET,
}

# At the most 4 MB of them, for the answers that are asked for most.
_KEPT: Final = 1_024
_KEPT_VALUE_BYTES: Final = 4_096
_NANOS: Final = 1_000_000_000


class PreparedResults:
    """Writes what was found into messages; of a hit in memory only its age is new the next time."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Entry, pb.LookupResult]] = {}

    def write(self, result: pb.LookupResult, key: Key, found: Found, now: float) -> None:
        """Writes one result into the empty message."""
        if (entry := found.entry) is None:
            result.tier = pb.CACHE_TIER_MISS
        else:
            result.CopyFrom(self._prepared(key, entry, found.tier))
            _set(result.age, found.age)
            if found.stale:
                result.stale = True
            else:
                _set(result.fresh_for, max(0.0, entry.fresh_until - now))
        if found.lease is not None:
            result.lease.token = found.lease.token
            _set(result.lease.ttl, found.lease.seconds)

    def _prepared(self, key: Key, entry: Entry, tier: Tier) -> pb.LookupResult:
        kept = self._kept.get(key)
        if kept is not None and kept[0] is entry and tier is Tier.MEMORY:
            return kept[1]
        result = pb.LookupResult(tier=TIERS[tier], entry=_message(entry), key_hash=key)
        if tier is Tier.MEMORY and len(entry.value) <= _KEPT_VALUE_BYTES:
            self._kept.pop(key, None)
            self._kept[key] = (entry, result)
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return result


def _message(entry: Entry) -> pb.CacheEntry:
    return pb.CacheEntry(
        value=entry.value,
        kind=KINDS[entry.kind],
        example_ids=entry.example_ids,
        domains=entry.domains,
        bank_sequence=entry.sequence,
    )


def duration(seconds: float) -> Duration:
    """Returns seconds as a message."""
    message = Duration()
    _set(message, seconds)
    return message


def _set(message: Duration, seconds: float) -> None:
    """Is `FromNanoseconds` without its checks, which cost more than all the rest of a result."""
    message.seconds, message.nanos = divmod(round(seconds * _NANOS), _NANOS)
