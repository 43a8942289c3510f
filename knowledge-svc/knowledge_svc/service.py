"""The use-cases of the cache, one per RPC, in the words of the model."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from knowledge_svc.change_log import ChangeLog
from knowledge_svc.lookup import Reader
from knowledge_svc.memory import MemoryTier
from knowledge_svc.metrics import KnowledgeMetrics
from knowledge_svc.model import Addition, Entry, Found, Invalidation, Key, Tier, TierMeasure
from knowledge_svc.ports import CacheTier, LeaseBook, sequence_of
from knowledge_svc.waiters import Waiters, within
from knowledge_svc.watchers import EVERYTHING, Watchers

# The wake-up comes by itself; looking again is for one that was lost, and for a lease that ran out.
_LOOK_AGAIN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Statistics:
    """The measure of this replica; `hits` counts the keys that each tier answered."""

    tiers: Sequence[TierMeasure]
    hits: Mapping[Tier, int]
    invalidated: int
    leases: int
    sequence: int


class KnowledgeService:
    """Keeps finished answers, hands out leases on missing ones, and forgets what has become wrong.

    Args:
        memory: The fastest tier.
        slower: What all that is not in memory is looked for in.
        local: The tier on this replica's own disk, which no other replica can evict from.
        leases: Who computes what.
        log: What the bank changed lately.
        stamp: Gives a new entry its times.
        metrics: What is counted.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        *,
        memory: MemoryTier,
        slower: CacheTier,
        local: CacheTier,
        leases: LeaseBook,
        log: ChangeLog,
        stamp: Callable[[Entry], Entry],
        metrics: KnowledgeMetrics,
        clock: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._slower = slower
        self._local = local
        self._leases = leases
        self._log = log
        self._stamp = stamp
        self._metrics = metrics
        self._clock = clock
        self._reader = Reader(memory, slower, leases, log, clock)
        self._waiters = Waiters()
        self._watchers = Watchers()
        self._requests = 0
        self._hits: Counter[Tier] = Counter()
        self._invalidated = 0
        self._hottest: Sequence[Key] = ()

    async def lookup(self, keys: Sequence[Key], *, want_lease: bool, wait_seconds: float) -> list[Found]:
        """Returns what there is for each key, in their order; of equal keys only the first gets the lease.

        With `want_lease` a key that somebody else computes is waited for, `wait_seconds` at the most.
        """
        distinct = tuple(dict.fromkeys(keys))
        found = await self._reader.look(distinct, want_lease=want_lease)
        if want_lease and wait_seconds > 0 and _pending(found):
            await self._wait(found, wait_seconds)
        results: list[Found] = []
        for key in keys:
            results.append(one := found[key])
            if one.lease is not None:
                found[key] = replace(one, lease=None)
        self._count(results)
        return results

    async def fill(self, key: Key, entry: Entry, token: str) -> bool:
        """Stores the value and ends the lease; False if the lease was lost or a source has changed.

        A value that does not say at which sequence it was computed counts as computed when its lease was
        handed out, or now if it has none.
        """
        sequence = entry.sequence or (sequence_of(token) if token else self._log.sequence)
        stamped = self._stamp(replace(entry, sequence=sequence))
        requests = self._requests
        if token and not await self._leases.redeem(key, token):
            self._metrics.fills["lease_lost"].inc()
            return False
        # What was forgotten on request while the lease was being spent may have been this.
        stored = requests == self._requests and await self._store(key, stamped, token)
        if token:
            await self._leases.release(key, token)
        self._waiters.wake(key)
        self._metrics.fills["stored" if stored else "outdated"].inc()
        return stored

    async def release(self, key: Key, token: str) -> None:
        """Gives a lease back without a value."""
        await self._leases.release(key, token)
        self._waiters.wake(key)

    async def invalidate(self, invalidation: Invalidation) -> int:
        """Forgets what a person wants forgotten, and what is being computed of it; returns the count."""
        self._requests += 1
        by_key_only = not invalidation.everything and not invalidation.labels
        await self._leases.revoke(invalidation.keys if by_key_only else None)
        return await self._forget(invalidation)

    async def warm(self, limit: int) -> int:
        """Loads entries of the slower tier into memory, and returns how many of them are there then.

        First those that are remembered as the hottest, then what was filled last.
        """
        return await self._reader.load(self._hottest[:limit], limit)

    def remember(self, hottest: Sequence[Key]) -> None:
        """These were asked for most, the hottest first."""
        self._hottest = hottest

    def hottest(self, limit: int) -> list[Key]:
        """The keys that were asked for most, the hottest first."""
        return self._memory.hottest(limit)

    def doubt_slower_tiers(self) -> None:
        """Answers from memory alone until `believe_slower_tiers`: what changed lately is not known yet."""
        self._reader.memory_only = True

    def believe_slower_tiers(self) -> None:
        """Answers from every tier: the bank's feed was followed to its head, or cannot be."""
        self._reader.memory_only = False

    async def statistics(self) -> Statistics:
        """Measures the tiers."""
        return Statistics(
            tiers=[*await self._memory.measure(), *await self._slower.measure()],
            hits=dict(self._hits),
            invalidated=self._invalidated,
            leases=await self._leases.count(),
            sequence=self._log.sequence,
        )

    @property
    def sequence(self) -> int:
        """Position of the bank's change feed that was followed to; 0 follows none."""
        return self._log.sequence

    def watch(self) -> AsyncIterator[Invalidation]:
        """Yields every invalidation from now on, beginning with "everything"; an empty one is a heartbeat."""
        return self._watchers.watch()

    async def resume(self) -> int | None:
        """Takes up the change feed where every tier has taken in what came before; returns the position."""
        sequence = await self._slower.position()
        if sequence is not None:
            self._log.restart(sequence, await self._slower.additions())
            self._metrics.bank_sequence.set(sequence)
        return sequence

    def bank_heard(self) -> None:
        """The change feed gave a sign of life."""
        self._metrics.feed_heard.set(self._clock())

    async def bank_changed(
        self, labels: Mapping[str, int], sequence: int, added: Mapping[Addition, int] | None = None
    ) -> None:
        """Forgets what changes of the bank have made wrong; the feed is followed to `sequence` with them."""
        self._log.note(labels, sequence, added)
        self._metrics.bank_sequence.set(sequence)
        await self._forget(Invalidation(labels=labels, additions=added or {}, sequence=sequence))

    async def bank_unknown(self, sequence: int) -> None:
        """Forgets everything, because changes were missed, and goes on from `sequence`."""
        self._log.restart(sequence)
        self._metrics.bank_sequence.set(sequence)
        await self._leases.revoke(None)
        await self._forget(replace(EVERYTHING, sequence=sequence))

    async def forgotten_elsewhere(self, invalidation: Invalidation) -> None:
        """Forgets what another replica has forgotten in the tier that both share."""
        self._requests += invalidation.on_request
        for tier in (self._local, self._memory):
            if invalidation.everything:
                await tier.clear(sequence=0)
            else:
                await tier.evict(invalidation)
        self._watchers.tell(invalidation)

    async def missed_something(self) -> None:
        """Forgets all that only this replica holds: what others said could not be heard for a while."""
        await self.forgotten_elsewhere(EVERYTHING)

    def wake(self, key: Key) -> None:
        """The key may be had now, or computed: another replica said so."""
        self._waiters.wake(key)

    def _count(self, results: Sequence[Found]) -> None:
        hits: dict[Tier, int] = {}
        for result in results:
            hits[result.tier] = hits.get(result.tier, 0) + 1
            if result.lease is not None:
                self._metrics.leases.inc()
        for tier, count in hits.items():
            self._hits[tier] += count
            self._metrics.lookups[tier].inc(count)

    async def _wait(self, found: dict[Key, Found], seconds: float) -> None:
        """Looks again, whenever there is reason to, for what somebody else computes."""
        loop_time = asyncio.get_running_loop().time
        ends_at = loop_time() + seconds
        with self._waiters.watching(_pending(found)) as woken:
            while pending := _pending(found):
                woken.clear()
                found.update(await self._reader.look(pending, want_lease=True))
                left = ends_at - loop_time()
                if left <= 0 or not _pending(found):
                    return
                await within(woken, min(left, _LOOK_AGAIN_SECONDS))

    async def _store(self, key: Key, entry: Entry, token: str) -> bool:
        epoch = self._memory.epoch
        if not self._log.vouches_for(entry) or not await self._slower.put(key, entry, token):
            return False
        await self._reader.promote(key, entry, epoch)
        return True

    async def _forget(self, invalidation: Invalidation) -> int:
        """Forgets in the slower tier first: what is read there before, the memory's new epoch keeps out.

        Near caches are told before all, since a Redis that hangs takes its time; what they read again
        meanwhile they hold against what they were told.
        """
        self._watchers.tell(invalidation)
        if invalidation.everything:
            # All that memory holds is in the slower tier as well, unless that has dropped it.
            sequence = invalidation.sequence
            gone = max(await self._slower.clear(sequence), await self._memory.clear(sequence))
        else:
            gone = len({*await self._slower.evict(invalidation), *await self._memory.evict(invalidation)})
        self._invalidated += gone
        self._metrics.invalidated.inc(gone)
        return gone


def _pending(found: Mapping[Key, Found]) -> tuple[Key, ...]:
    """The keys that somebody else computes."""
    return tuple(key for key, one in found.items() if one.entry is None and one.lease is None)
