"""Redis is away: what the cache does instead.

| call | while Redis answers | while it is away |
|---|---|---|
| BatchLookup | memory, then Redis | memory, then the local tier; `x-mcai-degraded: redis` |
| leases | one caller computes, over all replicas | one caller computes, on each replica |
| Fill | into Redis and memory | into the local tier and memory; refused with a lease that Redis gave |
| Invalidate, changes of the bank | in Redis, and told to the other replicas | here at once; owed to Redis |

Going away costs the call that meets it one budget, and the later ones nothing: a breaker keeps them from
Redis, and a task in the background tries it. What is owed is paid before Redis is read again, so nothing
that was forgotten meanwhile comes back: that is whatever could not be told to Redis, and whatever the
bank changed after the position that Redis remembers, be it that Redis lost its last seconds. What was
learnt meanwhile is handed back before that, but for what may have become wrong: Redis itself refuses an
answer of which a source has changed, and all of them if anything was forgotten on request since. A Redis
that lost its last seconds without anybody noticing that it was away is found out by how far it stands
(`redis_tier.Standing`), and is told again what it has lost.
"""

import itertools
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from knowledge_svc.errors import AWAY
from knowledge_svc.gate import Gate, SharedTier
from knowledge_svc.leases import MemoryLeases
from knowledge_svc.model import Addition, Entry, Invalidation, Key, Lease, Tier, TierMeasure
from knowledge_svc.ports import CacheTier, LeaseBook, Read

# Nobody waits for an answer while something is forgotten, so it may take longer than a lookup.
_FORGETTING_SECONDS: Final = 0.5


# The oldest of more are not handed back.
_MAX_LEARNT: Final = 1_000
_CHUNK: Final = 64


class FallbackTier:
    """A CacheTier: Redis, or the local tier while the gate is shut; what is forgotten, is in both.

    What Redis could not be told or had no room for is learnt by the local tier alone, which is asked for that
    until it could be handed back.
    """

    def __init__(self, shared: SharedTier, local: CacheTier, gate: Gate) -> None:
        self._shared = shared
        self._local = local
        self._gate = gate
        self._forgettings = 0
        self._learnt: dict[Key, float] = {}
        gate.before_opening(self._hand_back)

    async def get_many(self, keys: Sequence[Key]) -> Read:
        """See `CacheTier`."""
        if not keys and self._gate.is_open:
            return Read(Tier.REDIS, ())
        try:
            read = await self._gate.attempt(lambda: self._shared.get_many(keys))
        except AWAY as error:
            self._gate.stand_in(error)
            return await self._local.get_many(keys)
        return await self._with_learnt(keys, read) if self._learnt else read

    async def put(self, key: Key, entry: Entry, token: str = "") -> bool:
        """See `CacheTier`."""
        before = self._forgettings
        try:
            stored = await self._gate.attempt(lambda: self._shared.put(key, entry, token))
        except AWAY as error:
            self._gate.stand_in(error)
        else:
            self._learnt.pop(key, None)
            if self._learnt:
                await self._hand_back_some()
            return stored
        learnt_at = time.monotonic()
        # What was forgotten since this put began would not be forgotten again, were it stored now.
        stored = before == self._forgettings and await self._local.put(key, entry)
        if stored:
            self._learn(key, learnt_at)
        return stored

    async def evict(self, invalidation: Invalidation) -> set[Key]:
        """See `CacheTier`."""
        self._forgettings += 1
        self._gate.remember(invalidation)
        here = await self._local.evict(invalidation)
        try:
            there = await self._gate.attempt(
                lambda: self._shared.evict(invalidation), seconds=_FORGETTING_SECONDS
            )
        except AWAY as error:
            self._gate.stand_in(error)
            self._gate.owe(invalidation)
            return here
        return {*here, *there}

    async def clear(self, sequence: int) -> int:
        """See `CacheTier`; the count is that of the tier in use, since what both have counts once."""
        self._forgettings += 1
        self._gate.remember(Invalidation(everything=True, sequence=sequence))
        here = await self._local.clear(sequence)
        try:
            return await self._gate.attempt(lambda: self._shared.clear(sequence), seconds=_FORGETTING_SECONDS)
        except AWAY as error:
            self._gate.stand_in(error)
            self._gate.owe(Invalidation(everything=True, sequence=sequence))
            return here

    async def position(self) -> int | None:
        """See `CacheTier`; the local tier begins where Redis stands, since it may have missed requests."""
        try:
            position = await self._gate.attempt(self._shared.position, seconds=_FORGETTING_SECONDS)
        except AWAY as error:
            self._gate.stand_in(error)
            return await self._local.position()
        await self._local.clear(position or 0)
        return position

    async def additions(self) -> Mapping[Addition, int]:
        """See `CacheTier`; those of the tier that the position is from."""
        try:
            return await self._gate.attempt(self._shared.additions, seconds=_FORGETTING_SECONDS)
        except AWAY as error:
            self._gate.stand_in(error)
            return await self._local.additions()

    async def recent(self, limit: int) -> list[tuple[Key, Entry]]:
        """See `CacheTier`."""
        try:
            return await self._gate.attempt(lambda: self._shared.recent(limit), seconds=_FORGETTING_SECONDS)
        except AWAY as error:
            self._gate.stand_in(error)
            return await self._local.recent(limit)

    async def measure(self) -> list[TierMeasure]:
        """See `CacheTier`; the local tier is available while it stands in for Redis."""
        try:
            there = await self._gate.attempt(self._shared.measure)
        except AWAY as error:
            self._gate.stand_in(error)
            away = TierMeasure(Tier.REDIS, -1, -1, 0, available=False)
            return [away, *await self._local.measure()]
        return [*there, *(replace(each, available=False) for each in await self._local.measure())]

    async def close(self) -> None:
        """See `CacheTier`."""
        await self._shared.close()
        await self._local.close()

    def _learn(self, key: Key, learnt_at: float) -> None:
        self._learnt.pop(key, None)
        self._learnt[key] = learnt_at
        if len(self._learnt) > _MAX_LEARNT:
            del self._learnt[next(iter(self._learnt))]

    async def _with_learnt(self, keys: Sequence[Key], read: Read) -> Read:
        """Adds what Redis has not been told; the tier is then the local one, the slowest that was asked."""
        missing = [
            key
            for key, entry in zip(keys, read.entries, strict=True)
            if entry is None and key in self._learnt
        ]
        here = await self._local.get_many(missing)
        found = {key: entry for key, entry in zip(missing, here.entries, strict=True) if entry}
        if not found:
            return read
        entries = [entry or found.get(key) for key, entry in zip(keys, read.entries, strict=True)]
        return Read(here.tier, entries)

    async def _hand_back(self) -> None:
        while self._learnt:
            await self._hand_back_chunk()

    async def _hand_back_some(self) -> None:
        """Redis takes writes again without ever having been away; one that is still full ends the attempt."""
        try:
            await self._gate.attempt(self._hand_back_chunk, seconds=_FORGETTING_SECONDS)
        except AWAY as error:
            self._gate.stand_in(error)

    async def _hand_back_chunk(self) -> None:
        learnt = dict(itertools.islice(self._learnt.items(), _CHUNK))
        read = await self._local.get_many(list(learnt))
        await self._shared.hand_back(
            [
                (key, entry, learnt_at)
                for (key, learnt_at), entry in zip(learnt.items(), read.entries, strict=True)
                if entry is not None
            ]
        )
        for key, learnt_at in learnt.items():
            if self._learnt.get(key) == learnt_at:
                del self._learnt[key]


class FallbackLeases:
    """A LeaseBook: Redis, or this process's own book while the gate is shut."""

    def __init__(self, shared: LeaseBook, own: MemoryLeases, gate: Gate) -> None:
        self._shared = shared
        self._own = own
        self._gate = gate

    async def acquire(self, keys: Sequence[Key], sequence: int) -> Mapping[Key, Lease]:
        """See `LeaseBook`."""
        try:
            return await self._gate.attempt(lambda: self._shared.acquire(keys, sequence))
        except AWAY as error:
            self._gate.stand_in(error)
            return await self._own.acquire(keys, sequence)

    async def redeem(self, key: Key, token: str) -> bool:
        """See `LeaseBook`; while Redis is away nobody can say whether its leases still hold, so none does."""
        if self._own.knows(token):
            return await self._own.redeem(key, token)
        try:
            return await self._gate.attempt(lambda: self._shared.redeem(key, token))
        except AWAY as error:
            self._gate.stand_in(error)
            return False

    async def release(self, key: Key, token: str) -> None:
        """See `LeaseBook`; a lease in Redis that cannot be released ends by itself."""
        if self._own.knows(token):
            await self._own.release(key, token)
            return
        try:
            await self._gate.attempt(lambda: self._shared.release(key, token))
        except AWAY as error:
            self._gate.stand_in(error)

    async def revoke(self, keys: Collection[Key] | None) -> None:
        """See `LeaseBook`; what Redis cannot revoke now, it revokes before it is read again."""
        await self._own.revoke(keys)
        try:
            await self._gate.attempt(lambda: self._shared.revoke(keys), seconds=_FORGETTING_SECONDS)
        except AWAY as error:
            self._gate.stand_in(error)
            self._gate.owe_revocation()

    async def count(self) -> int:
        """See `LeaseBook`."""
        own = await self._own.count()
        try:
            return own + await self._gate.attempt(self._shared.count)
        except AWAY as error:
            self._gate.stand_in(error)
            return own
