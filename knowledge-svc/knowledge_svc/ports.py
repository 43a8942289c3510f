"""What the cache needs of the world."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from knowledge_svc.model import Addition, Entry, Invalidation, Key, Lease, Tier, TierMeasure


class Read(NamedTuple):
    """What one tier had for a batch of keys, in their order."""

    tier: Tier
    entries: Sequence[Entry | None]


class CacheTier(Protocol):
    """One place where entries are kept.

    A tier may lose entries at any time; it must never bring one back that it was told to forget. A value
    that cannot be read is a miss. When the thing behind it is down every method raises `StoreUnavailable`,
    and what it was to forget may still be there: the caller owes it. A tier on the replica's own disk does
    not raise: when its file is damaged it starts anew, empty.
    """

    async def get_many(self, keys: Sequence[Key]) -> Read:
        """The entries that may be served, fresh or stale; None where there is none."""

    async def put(self, key: Key, entry: Entry, token: str = "") -> bool:
        """Store; False if it was refused, because a source is known to have changed since.

        A tier that keeps the leases as well refuses also if the one that was spent for it was revoked since.
        """

    async def evict(self, invalidation: Invalidation) -> set[Key]:
        """Forget the keys and labels, note additions and position; returns the keys that were there."""

    async def clear(self, sequence: int) -> int:
        """Forget everything and, unless it is 0, note the position; returns how many entries there were."""

    async def position(self) -> int | None:
        """Sequence up to which every change of the bank was applied here; None if that is unknown."""

    async def additions(self) -> Mapping[Addition, int]:
        """What was added to the bank up to that sequence, as far as it was noted here."""

    async def recent(self, limit: int) -> list[tuple[Key, Entry]]:
        """The entries that were filled last, newest first."""

    async def measure(self) -> list[TierMeasure]:
        """What it holds; a row for each place that it keeps entries in."""

    async def close(self) -> None:
        """Give everything back."""


class LeaseBook(Protocol):
    """Who computes what at this moment, so that of many callers that miss at once one works.

    When the thing behind it is down every method raises `StoreUnavailable`; the leases that are out then
    end by themselves. A lease that nobody ends is free again after its time.
    """

    async def acquire(self, keys: Sequence[Key], sequence: int) -> Mapping[Key, Lease]:
        """Lease what is free; a key that is missing in the answer is leased to somebody else.

        The token carries `sequence`, the position of the change feed when the computation began.
        """

    async def redeem(self, key: Key, token: str) -> bool:
        """Spend the lease for one fill; False if it was lost. Others stay out until `release`."""

    async def release(self, key: Key, token: str) -> None:
        """End the lease, spent or not; one that was lost is left alone."""

    async def revoke(self, keys: Collection[Key] | None) -> None:
        """Take these leases away, or all of them: what they compute may be built on what is forgotten."""

    async def count(self) -> int:
        """Leases that are out."""


def sequence_of(token: str) -> int:
    """Returns the sequence that a lease token carries; 0 for a token that none of our books made."""
    _, _, sequence = token.rpartition(".")
    return int(sequence) if sequence.isdecimal() and len(sequence) <= 16 else 0  # noqa: PLR2004 - digits of 2^52
