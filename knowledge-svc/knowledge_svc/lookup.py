"""One batch lookup: the tiers in turn, promotion, staleness, and one lease for what is missing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from knowledge_svc.change_log import ChangeLog
from knowledge_svc.memory import MemoryTier
from knowledge_svc.model import Entry, Found, Key, Lease, Tier
from knowledge_svc.ports import CacheTier, LeaseBook

_MISS = Found()
_CHUNK = 128


class Reader:
    """Reads the memory, then the slower tier, and believes neither about what the bank has changed.

    Attributes:
        memory_only: Whether the slower tier is not to be believed at all, for it may have missed changes.
    """

    def __init__(
        self,
        memory: MemoryTier,
        slower: CacheTier,
        leases: LeaseBook,
        log: ChangeLog,
        clock: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._slower = slower
        self._leases = leases
        self._log = log
        self._clock = clock
        self.memory_only = False

    async def look(self, keys: Sequence[Key], *, want_lease: bool) -> dict[Key, Found]:
        """Returns what there is for each key; what is missing or stale comes with a lease if it is free."""
        found = await self._read(keys)
        wanting = [key for key in keys if found[key].entry is None or found[key].stale]
        if want_lease and wanting:
            leases = await self._leases.acquire(wanting, self._log.sequence)
            await self._look_again(leases, found)
        return found

    async def promote(self, key: Key, entry: Entry, epoch: int) -> bool:
        """Puts into memory what a slower tier had, unless something was forgotten since `epoch`."""
        return self._memory.epoch == epoch and await self._memory.put(key, entry)

    async def load(self, hottest: Sequence[Key], limit: int) -> int:
        """Puts so many entries of the slower tier into memory; returns how many of them are there then.

        What is first in `hottest` comes last, since of what is not asked for memory drops the oldest first.
        """
        if self.memory_only:
            return 0
        epoch = self._memory.epoch
        newest = (await self._slower.recent(limit))[: limit - len(hottest)]
        for key, entry in reversed(newest):
            if not self._memory.holds(key) and not self._log.outdates(entry):
                await self.promote(key, self._marked(entry), epoch)
        for end in range(len(hottest), 0, -_CHUNK):
            await self._read_slower(
                [key for key in hottest[max(0, end - _CHUNK) : end] if not self._memory.holds(key)]
            )
        return sum(self._memory.holds(key) for key in {*hottest, *(key for key, _ in newest)})

    async def _read(self, keys: Sequence[Key]) -> dict[Key, Found]:
        now = self._clock()
        read = await self._memory.get_many(keys)
        found = {
            key: self._judge(read.tier, entry, now) for key, entry in zip(keys, read.entries, strict=True)
        }
        missing = [key for key in keys if found[key].entry is None]
        # The slower tier is asked even for nothing, so that its absence is told with every answer.
        found.update(await self._read_slower(missing))
        return found

    async def _read_slower(self, keys: Sequence[Key]) -> dict[Key, Found]:
        epoch = self._memory.epoch
        read = await self._slower.get_many(() if self.memory_only else keys)
        if self.memory_only:
            return dict.fromkeys(keys, _MISS)
        now = self._clock()
        found: dict[Key, Found] = {}
        for key, entry in zip(keys, read.entries, strict=True):
            found[key] = self._judge(read.tier, self._marked(entry) if entry else None, now)
            if (usable := found[key].entry) is not None:
                await self.promote(key, usable, epoch)
        return found

    async def _look_again(self, leases: Mapping[Key, Lease], found: dict[Key, Found]) -> None:
        """Gives out the leases, but for what was filled between the reading and the leasing."""
        if not leases:
            return
        now_there = await self._read_slower(tuple(leases))
        for key, lease in leases.items():
            again = now_there[key]
            if again.entry is not None and not again.stale:
                found[key] = again
                await self._leases.release(key, lease.token)
            else:
                found[key] = replace(found[key], lease=lease)

    def _judge(self, tier: Tier, entry: Entry | None, now: float) -> Found:
        if entry is None or self._log.outdates(entry):
            return _MISS
        return Found(tier, entry, stale=not entry.is_fresh(now), age=max(0.0, now - entry.filled_at))

    def _marked(self, entry: Entry) -> Entry:
        return entry.marked() if self._log.could_improve(entry) else entry
