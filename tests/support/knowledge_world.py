"""Two replicas, one Redis that they may lose, a bank that is edited, and what may be served of it when.

The replicas are made of the real parts and share a real Redis, each through a proxy of its own; the clock is
controlled, and the bank's feed goes on in a replica when it is told to. The bank is no more than the list of
its changes: a value says at which of them it was read.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import redis.asyncio
from prometheus_client import CollectorRegistry

from knowledge_svc.memory import MemoryTier
from knowledge_svc.metrics import KnowledgeMetrics
from knowledge_svc.model import Entry, EntryKind, Found, Key, asked, example_label
from knowledge_svc.ports import sequence_of
from knowledge_svc.redis_shelves import attended
from knowledge_svc.service import KnowledgeService
from tests.support.knowledge_parts import LIFETIMES, ManualClock, key_of
from tests.support.knowledge_redis import RedisParts, redis_parts
from tests.support.proxy import Fault, FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

SOURCES: Final = {key_of("one"): ("a",), key_of("two"): ("a", "b"), key_of("three"): ("b",)}
KEYS: Final = tuple(SOURCES)
EXAMPLES: Final = ("a", "b")
PROBE: Final = key_of("has everything been heard?")

# Long enough for a machine that runs other tests beside, short enough that a black hole does not last.
_BUDGET_SECONDS: Final = 0.3


@dataclass(slots=True)
class Computation:
    """Work under a lease, and what it was told by the bank."""

    key: Key
    token: str
    read_at: int
    """Sequence of the last change that it has seen."""
    moment: int
    """When it read, in the order of the world's events."""
    tells_sequence: bool


@dataclass(slots=True)
class Member:
    """A replica, and what it has confirmed."""

    service: KnowledgeService
    parts: RedisParts
    closing: AsyncExitStack
    followed: int = 0
    feed: asyncio.Lock = field(default_factory=asyncio.Lock)
    forgotten: dict[Key, int] = field(default_factory=dict)
    """Moment before which nothing that was computed may be served any more, by key."""


class World:
    """What happens, and the check of each answer."""

    def __init__(self, directory: Path, server: RedisServer, proxies: Sequence[FaultyProxy]) -> None:
        self._directory = directory
        self._server = server
        self.proxies = proxies
        self.clock = ManualClock()
        # A bank without a change is one without an example.
        self.changes = ["the first of all"]
        self.members: list[Member] = []
        self.working: list[Computation] = []
        self._moment = 0
        self._has_lost = False
        self._saved: dict[bytes, tuple[bytes, int]] | None = None

    @property
    def head(self) -> int:
        """Sequence of the bank's last change."""
        return len(self.changes)

    async def look(self, at: int, lag: int = 0, tells_sequence: bool = True) -> None:
        """Asks for everything, checks the answers, and reads the bank for what it is to compute."""
        for key, found in (await self._checked(at, want_lease=True)).items():
            if found.lease is not None:
                least = 0 if tells_sequence else sequence_of(found.lease.token)
                read_at = max(least, self.head - lag, 0)
                self.working.append(
                    Computation(key, found.lease.token, read_at, self._next_moment(), tells_sequence)
                )

    async def glance(self, at: int) -> None:
        """Asks for everything, and checks the answers."""
        await self._checked(at, want_lease=False)

    async def _checked(self, at: int, *, want_lease: bool) -> dict[Key, Found]:
        member, now = self.members[at], self.clock.now
        bounds = {key: (self._oldest(member, key), member.forgotten.get(key, 0)) for key in KEYS}
        results = await member.service.lookup(KEYS, want_lease=want_lease, wait_seconds=0.0)
        found = dict(zip(KEYS, results, strict=True))
        for key, (bound, forgotten) in bounds.items():
            self._check(found[key], bound, forgotten, now)
        return found

    async def fill(self, at: int, which: int) -> None:
        """Ends one of the last computations, at whatever replica."""
        if not self.working:
            return
        done = self.working.pop(-1 - which % len(self.working))
        entry = Entry(
            f"{done.read_at} {done.moment}".encode(),
            EntryKind.ANSWER,
            SOURCES[done.key],
            sequence=done.read_at if done.tells_sequence else 0,
        )
        await self.members[at].service.fill(done.key, entry, done.token)

    async def edit(self, example: str) -> None:
        """Changes an example of the bank; the replicas hear of it when they follow."""
        self.changes.append(example)

    async def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.now += seconds

    async def disturb(self, at: int, how: Fault) -> None:
        """The way of a replica to Redis breaks, or is whole again."""
        await self.proxies[at].put_under(how)

    async def follow(self, at: int) -> None:
        """A replica follows the bank's feed to its head; when that returns, it has confirmed it."""
        member = self.members[at]
        async with member.feed:
            head = self.head
            changed = self.changes[member.followed : head]
            labels = {
                example_label(each): member.followed + place for place, each in enumerate(changed, start=1)
            }
            if labels:
                await member.service.bank_changed(labels, head)
            member.followed = head

    async def forget(self, at: int, which: int) -> None:
        """A person asks a replica to forget a key, an example, or everything."""
        moment = self._next_moment()
        member = self.members[at]
        if which < len(KEYS):
            what, keys = asked(keys=[KEYS[which]]), [KEYS[which]]
        elif which < len(KEYS) + len(EXAMPLES):
            example = EXAMPLES[which - len(KEYS)]
            what = asked(example_ids=[example])
            keys = [key for key, sources in SOURCES.items() if example in sources]
        else:
            what, keys = asked(everything=True), list(KEYS)
        await member.service.invalidate(what)
        for key in keys:
            member.forgotten[key] = max(moment, member.forgotten.get(key, 0))

    async def lose_seconds(self) -> None:
        """Redis is killed, and comes back with what it had when it last saved."""
        async with self._stopped() as client:
            if self._saved is not None:
                self._has_lost = True
                await client.flushdb()
                for name, (body, life_ms) in self._saved.items():
                    await client.restore(name, max(life_ms, 0), body)

    async def wipe(self) -> None:
        """Redis is killed, and comes back with nothing."""
        async with self._stopped() as client:
            await client.flushdb()

    async def save(self) -> None:
        """Redis writes down what it has."""
        async with redis.asyncio.Redis.from_url(self._server.url()) as client:
            there = {
                name: (await client.dump(name), await client.pttl(name))
                for name in await client.keys("*")
                if isinstance(name, bytes)
            }
        # Without what has ended between the two.
        self._saved = {name: (body, life_ms) for name, (body, life_ms) in there.items() if body is not None}

    @asynccontextmanager
    async def _stopped(self) -> AsyncIterator[redis.asyncio.Redis]:
        faults = [proxy.fault for proxy in self.proxies]
        for proxy in self.proxies:
            await proxy.refuse()
        async with redis.asyncio.Redis.from_url(self._server.url()) as client:
            yield client
        for proxy, fault in zip(self.proxies, faults, strict=True):
            await proxy.put_under(fault)

    async def start(self, at: int) -> None:
        """A replica starts, the first time or again, and follows the feed before it believes its tiers."""
        stack = AsyncExitStack()
        parts = await stack.enter_async_context(
            redis_parts(
                self._server.url(address=self.proxies[at].address),
                self._directory,
                self.clock,
                budget_seconds=_BUDGET_SECONDS,
                supervise=False,
                local_name=f"replica{at}",
            )
        )
        service = KnowledgeService(
            memory=MemoryTier(1_000_000, self.clock, parts.log.additions),
            slower=parts.fallback,
            local=parts.local,
            leases=parts.fallback_leases,
            log=parts.log,
            stamp=lambda entry: LIFETIMES.stamp(entry, self.clock(), 0.0),
            metrics=KnowledgeMetrics(CollectorRegistry()),
            clock=self.clock,
        )
        await stack.enter_async_context(attended(parts.client, parts.origin, parts.gate, service))
        member = Member(service, parts, stack)
        service.doubt_slower_tiers()
        sequence = await service.resume()
        if sequence is None:
            await service.bank_unknown(self.head)
        member.followed = self.head if sequence is None else sequence
        if at < len(self.members):
            # Where Redis has lost what it was told, only those know that were there and can be heard.
            member.forgotten = {} if self._has_lost else self.members[at].forgotten
            self.members[at] = member
        else:
            self.members.append(member)
        await self.follow(at)
        service.believe_slower_tiers()

    async def restart(self, at: int) -> None:
        """Stops a replica and starts it again on the same directory."""
        await self.members[at].closing.aclose()
        await self.start(at)

    async def settle(self) -> None:
        """Redis is there, every replica follows, and has heard what the others were asked to forget."""
        for at, (member, proxy) in enumerate(zip(self.members, self.proxies, strict=True)):
            await proxy.pass_through()
            await self.look(at)
            await eventually(partial(_is_open, member), timeout_seconds=10.0)
            await self.follow(at)
        for speaker in self.members:
            for hearer in self.members:
                if speaker is not hearer:
                    await self._heard(speaker, hearer)
        together = {key: max(each.forgotten.get(key, 0) for each in self.members) for key in KEYS}
        for member in self.members:
            member.forgotten = dict(together)
        self._has_lost = False

    async def close(self) -> None:
        """Stops the replicas."""
        for member in self.members:
            await member.closing.aclose()

    async def _heard(self, speaker: Member, hearer: Member) -> None:
        """Returns once the one hears what the other says, and so all that it said before."""
        heard = asyncio.Event()

        async def listen() -> None:
            async for said in hearer.service.watch():
                if PROBE in said.keys:
                    heard.set()
                    return

        async def is_heard() -> bool:
            await speaker.service.invalidate(asked(keys=[PROBE]))
            return heard.is_set()

        listening = asyncio.create_task(listen())
        try:
            await eventually(is_heard, timeout_seconds=10.0)
        finally:
            listening.cancel()
            await asyncio.wait((listening,))

    def _oldest(self, member: Member, key: Key) -> int:
        """Sequence at or after which a value of the key must have been read to be served here now."""
        followed = self.changes[: member.followed]
        return max((at for at, each in enumerate(followed, start=1) if each in SOURCES[key]), default=0)

    def _check(self, found: Found, bound: int, forgotten: int, now: float) -> None:
        if found.entry is None:
            return
        read_at, moment = map(int, found.entry.value.split())
        assert read_at >= bound, f"{found.tier}: read at change {read_at}, but change {bound} was confirmed"
        assert moment >= forgotten, f"{found.tier}: computed at {moment}, forgotten at {forgotten}"
        assert found.entry.is_alive(now), f"{found.tier}: its time was over"
        assert found.stale or found.entry.is_fresh(now), f"{found.tier}: stale, and not said"

    def _next_moment(self) -> int:
        self._moment += 1
        return self._moment


def _is_open(member: Member) -> bool:
    return member.parts.gate.is_open


@asynccontextmanager
async def world(directory: Path, server: RedisServer) -> AsyncIterator[World]:
    """Two replicas with an empty Redis."""
    server.flush()
    async with FaultyProxy(server.address) as one, FaultyProxy(server.address) as other:
        there = World(directory, server, (one, other))
        try:
            for at in range(2):
                await there.start(at)
            yield there
        finally:
            await there.close()
