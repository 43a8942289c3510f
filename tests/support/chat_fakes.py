"""The chat's ports in memory, for tests of what stands on them."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.chat.model import (
    CacheEntry,
    CacheKey,
    Craft,
    Declined,
    Durability,
    Findings,
    Making,
    Message,
    Recalled,
    Source,
    Tier,
    Wish,
)
from servicekit import deadline, degrade
from servicekit.errors import NotFound, ServiceError


class MemoryRecall:
    """A cache with leases: one caller computes a missing key, the others wait for it.

    Attributes:
        entries: What was filled; a test may change it.
        stale: Keys whose entries are past their freshness.
        leases: Tokens that are out, by key.
        lookups: Keys that were looked up, in order.
    """

    def __init__(self) -> None:
        self.entries: dict[CacheKey, CacheEntry] = {}
        self.stale: set[CacheKey] = set()
        self.leases: dict[CacheKey, str] = {}
        self.lookups: list[CacheKey] = []
        self._tokens = itertools.count(1)
        self._changed = asyncio.Condition()

    async def lookup(self, key: CacheKey, *, wait_seconds: float) -> Recalled:
        self.lookups.append(key)
        async with self._changed:
            if key not in self.entries and key in self.leases and wait_seconds > 0:
                try:
                    async with asyncio.timeout(wait_seconds):
                        await self._changed.wait_for(lambda: key not in self.leases)
                except TimeoutError:
                    return Recalled()
            entry = self.entries.get(key)
            if entry is not None and key not in self.stale:
                return Recalled(entry.value, Tier.MEMORY)
            return Recalled(
                entry.value if entry else None,
                Tier.MEMORY if entry else Tier.MISS,
                stale=entry is not None,
                lease=self._take_lease(key),
            )

    async def fill(self, key: CacheKey, entry: CacheEntry, *, lease: str) -> bool:
        async with self._changed:
            if self.leases.get(key) != lease:
                return False
            del self.leases[key]
            self.stale.discard(key)
            self.entries[key] = entry
            self._changed.notify_all()
        return True

    async def release(self, key: CacheKey, *, lease: str) -> None:
        async with self._changed:
            if self.leases.get(key) == lease:
                del self.leases[key]
                self._changed.notify_all()

    def _take_lease(self, key: CacheKey) -> str | None:
        if key in self.leases:
            return None
        self.leases[key] = f"lease-{next(self._tokens)}"
        return self.leases[key]


@dataclass(slots=True)
class MemoryBank:
    """A bank that finds what shares words with the question; its confidence is the share of them.

    Attributes:
        sources: What it holds; their scores and confidences are not looked at.
        sequence: Of its change feed.
        away: Whether it cannot be asked.
        error: What a search raises, if anything.
        gate: When given, a search waits for it.
        degraded: Names of dependencies that a search reports to have done without.
        budgets: Seconds that each search had left.
        searches: Texts and domains that were searched, in order.
    """

    sources: list[Source] = field(default_factory=list)
    sequence: int = 7
    away: bool = False
    error: ServiceError | None = None
    gate: asyncio.Event | None = None
    degraded: tuple[str, ...] = ()
    budgets: list[float | None] = field(default_factory=list)
    searches: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def add(self, domain: str, prompt: str, response: str) -> str:
        """Adds an example and returns its id."""
        example_id = f"example-{len(self.sources) + 1}"
        self.sources.append(Source(example_id, domain, prompt, response, 0.0, 0.0))
        return example_id

    async def search(self, text: str, domains: Sequence[str], *, limit: int) -> Findings:
        self.searches.append((text, tuple(domains)))
        self.budgets.append(deadline.remaining())
        degrade.note(self.degraded)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if self.away:
            return Findings((), away=True)
        wanted = _words(text)
        found = [
            Source(each.id, each.domain, each.prompt, each.response, 10.0 * share, share)
            for each in self.sources
            if (not domains or each.domain in domains)
            and (share := len(wanted & _words(each.prompt)) / max(1, len(wanted)))
        ]
        found.sort(key=lambda source: -source.score)
        return Findings(tuple(found[:limit]), self.sequence)


@dataclass(slots=True)
class MemoryMemory:
    """Conversations in memory; the first writer owns one.

    Attributes:
        durability: What it reports.
        conversations: (owner, messages) by id.
    """

    durability: Durability = Durability.COMMITTED
    conversations: dict[str, tuple[str, list[Message]]] = field(default_factory=dict)

    async def remember(self, conversation_id: str, user_id: str, messages: Sequence[Message]) -> Durability:
        owner, kept = self.conversations.setdefault(conversation_id, (user_id, []))
        if owner != user_id:
            raise NotFound(f"There is no conversation {conversation_id}.")
        known = {message.id for message in kept}
        kept.extend(message for message in messages if message.id not in known)
        return self.durability


@dataclass(slots=True)
class MemoryMakers:
    """Begins tasks that nobody works on.

    Attributes:
        declined: Why nothing is made, if it is so.
        begun: Whose what was begun, by request id.
    """

    declined: Declined | None = None
    begun: dict[str, tuple[str | None, Making]] = field(default_factory=dict)

    async def begin(self, wish: Wish, user_id: str | None, request_id: str) -> Making | Declined:
        if self.declined is not None:
            return self.declined
        if wish.craft is Craft.MUSIC and float(str(wish.parameters.get("duration_seconds", 60))) > 600:
            return Declined("duration_seconds is too long")
        number = len(self.begun) + 1
        making = Making(
            f"t-{number}",
            wish.craft,
            {**_DEFAULTS[wish.craft], **wish.parameters},
            f"/api/job/t-{number}",
            f"/api/tasks/t-{number}/events",
            Durability.COMMITTED,
        )
        return self.begun.setdefault(request_id, (user_id, making))[1]


_DEFAULTS: Mapping[Craft, Mapping[str, object]] = {
    Craft.ART: {"style": "abstract", "palette": "ocean"},
    Craft.MUSIC: {"mood": "calm", "tempo_bpm": 70, "duration_seconds": 60.0},
    Craft.CYMATIC: {"plate": "circular", "frequency_hz": 432.0},
}


def _words(text: str) -> set[str]:
    return {word.strip("?!.,").casefold() for word in text.split()}
