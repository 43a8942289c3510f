"""The fastest tier: this process's own memory, bounded in bytes and indexed by label.

The policy is S3-FIFO (Yang et al., SOSP 2023, https://doi.org/10.1145/3600006.3613147): new keys enter
a small queue and reach the main one only if they are asked for again, so that a scan over questions that
nobody repeats cannot wash out those that everybody asks. A hit only counts up, it moves nothing.
"""

import heapq
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from knowledge_svc.additions import Additions
from knowledge_svc.model import Addition, Entry, Invalidation, Key, Tier, TierMeasure
from knowledge_svc.ports import Read

_SMALL_SHARE: Final = 0.1
_MOST_HITS: Final = 3
# A ghost is a key that was dropped from the small queue; it remembers that somebody asked.
_GHOSTS_PER_ENTRY: Final = 1


class _Slot:
    """An entry, its hits since it was last looked at for eviction and in all, which additions it has seen."""

    __slots__ = ("asked", "entry", "hits", "version")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.hits = self.asked = 0
        self.version = -1


class MemoryTier:
    """A CacheTier in memory; its methods never suspend, so each is atomic in the event loop.

    `epoch` grows with every eviction: who read a slower tier may put what it read here only if the epoch
    is still the one from before the reading. Otherwise an entry that was forgotten meanwhile comes back.

    Args:
        max_bytes: Bound of the entries, in bytes.
        clock: Seconds since the epoch.
        added: What was added to the bank; an entry is held against it when it is next asked for.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float], added: Additions) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._added = added
        self._small: OrderedDict[Key, _Slot] = OrderedDict()
        self._main: OrderedDict[Key, _Slot] = OrderedDict()
        self._ghosts: OrderedDict[Key, None] = OrderedDict()
        self._by_label: defaultdict[str, set[Key]] = defaultdict(set)
        self._small_bytes = self._main_bytes = 0
        self.epoch = 0

    @property
    def size(self) -> int:
        """Bytes that the entries take; at most `max_bytes` whenever no method is running."""
        return self._small_bytes + self._main_bytes

    def __len__(self) -> int:
        return len(self._small) + len(self._main)

    async def get_many(self, keys: Sequence[Key]) -> Read:
        """See `CacheTier`."""
        now = self._clock()
        return Read(Tier.MEMORY, [self._get(key, now) for key in keys])

    async def put(self, key: Key, entry: Entry, token: str = "") -> bool:  # noqa: ARG002 - keeps no leases
        """See `CacheTier`; an entry that is larger than the whole tier is not stored."""
        self._remove(key)
        if entry.size > self._max_bytes:
            return True
        slot = _Slot(entry)
        if key in self._ghosts:
            del self._ghosts[key]
            self._enter_main(key, slot)
        else:
            self._small[key] = slot
            self._small_bytes += entry.size
        for label in entry.labels:
            self._by_label[label].add(key)
        while self.size > self._max_bytes:
            self._make_room()
        return True

    async def evict(self, invalidation: Invalidation) -> set[Key]:
        """See `CacheTier`."""
        self.epoch += 1
        doomed = {key for key in invalidation.keys if self._slot(key)}
        for label, sequence in invalidation.labels.items():
            for key in self._by_label.get(label, ()):
                slot = self._slot(key)
                if slot is not None and slot.entry.sequence < sequence:
                    doomed.add(key)
        for key in doomed:
            self._remove(key)
        return doomed

    async def clear(self, sequence: int) -> int:  # noqa: ARG002 - memory has no position to note
        """See `CacheTier`."""
        self.epoch += 1
        gone = len(self)
        self._drop_all()
        return gone

    async def position(self) -> int | None:
        """See `CacheTier`; memory begins empty with the process, and so knows no position of its own."""
        return None

    async def additions(self) -> Mapping[Addition, int]:
        """See `CacheTier`; memory shares what its service has noted."""
        return self._added.since(0)

    async def recent(self, limit: int) -> list[tuple[Key, Entry]]:
        """See `CacheTier`."""
        now = self._clock()
        alive = [
            (key, slot.entry)
            for queue in (self._small, self._main)
            for key, slot in queue.items()
            if slot.entry.is_alive(now)
        ]
        alive.sort(key=lambda pair: pair[1].filled_at, reverse=True)
        return alive[:limit]

    def holds(self, key: Key) -> bool:
        """Whether there is an entry, alive or not; it does not count as asked for."""
        return self._slot(key) is not None

    def hottest(self, limit: int) -> list[Key]:
        """The keys that were asked for most since they came here, the hottest first."""
        slots = [(slot.asked, key) for queue in (self._main, self._small) for key, slot in queue.items()]
        return [key for _, key in heapq.nlargest(limit, slots)]

    async def measure(self) -> list[TierMeasure]:
        """See `CacheTier`."""
        return [TierMeasure(Tier.MEMORY, len(self), self.size, self._max_bytes)]

    async def close(self) -> None:
        """See `CacheTier`."""
        self._drop_all()

    def _slot(self, key: Key) -> _Slot | None:
        return self._main.get(key) or self._small.get(key)

    def _get(self, key: Key, now: float) -> Entry | None:
        slot = self._slot(key)
        if slot is None:
            return None
        if not slot.entry.is_alive(now):
            self._remove(key)
            return None
        slot.asked += 1
        if slot.hits < _MOST_HITS:
            slot.hits += 1
        if slot.version != self._added.version:
            slot.version = self._added.version
            entry = slot.entry
            if self._added.could_improve(entry.question, entry.domains, entry.sequence):
                slot.entry = entry.marked()
        return slot.entry

    def _make_room(self) -> None:
        if self._small and (not self._main or self._small_bytes > self._max_bytes * _SMALL_SHARE):
            self._sift_small()
        else:
            self._sift_main()

    def _sift_small(self) -> None:
        """Takes the oldest newcomer: into the main queue if it was asked for, else out."""
        key, slot = self._small.popitem(last=False)
        self._small_bytes -= slot.entry.size
        if slot.hits:
            slot.hits = 0
            self._enter_main(key, slot)
            return
        self._forget_labels(key, slot.entry)
        self._ghosts[key] = None
        while len(self._ghosts) > max(16, _GHOSTS_PER_ENTRY * len(self)):
            self._ghosts.popitem(last=False)

    def _sift_main(self) -> None:
        """Gives the oldest resident another round for each of its hits, or puts it out."""
        key, slot = self._main.popitem(last=False)
        if slot.hits:
            slot.hits -= 1
            self._main[key] = slot
            return
        self._main_bytes -= slot.entry.size
        self._forget_labels(key, slot.entry)

    def _enter_main(self, key: Key, slot: _Slot) -> None:
        self._main[key] = slot
        self._main_bytes += slot.entry.size

    def _remove(self, key: Key) -> None:
        if (slot := self._small.pop(key, None)) is not None:
            self._small_bytes -= slot.entry.size
        elif (slot := self._main.pop(key, None)) is not None:
            self._main_bytes -= slot.entry.size
        else:
            return
        self._forget_labels(key, slot.entry)

    def _forget_labels(self, key: Key, entry: Entry) -> None:
        for label in entry.labels:
            keys = self._by_label[label]
            keys.discard(key)
            if not keys:
                del self._by_label[label]

    def _drop_all(self) -> None:
        for held in (self._small, self._main, self._ghosts, self._by_label):
            held.clear()
        self._small_bytes = self._main_bytes = 0
