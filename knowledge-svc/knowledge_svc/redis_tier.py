"""The tier that all replicas share: entries in Redis, one round trip for a batch."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis.asyncio

from knowledge_svc import codec, redis_scripts
from knowledge_svc.additions import EVERYTHING_ADDED, MAX_ADDITIONS
from knowledge_svc.errors import StoreUnavailable
from knowledge_svc.model import ANY_SEQUENCE, Addition, Entry, Invalidation, Key, Tier, TierMeasure
from knowledge_svc.ports import Read
from knowledge_svc.redis_bulletin import forget_message
from knowledge_svc.redis_client import CHANNEL, GENERATION, PREFIX, mapping

_SAMPLE: Final = 100
_CHUNK: Final = 128
_PROBE: Final = PREFIX + b"probe"
"""A key that nobody writes."""


class Standing(NamedTuple):
    """How far Redis has been told to forget; it only ever grows, unless Redis loses what it had lately.

    Attributes:
        position: Sequence of the bank's feed up to which changes were applied; 0 if that is unknown.
        asked_ms: When something was last forgotten on request, in milliseconds.
    """

    position: int
    asked_ms: int

    def is_behind(self, other: "Standing") -> bool:
        """Whether something that the other was told is not known here."""
        return self.position < other.position or self.asked_ms < other.asked_ms


class RedisTier:
    """A CacheTier in Redis.

    A Redis that comes back from a crash or a failover may have lost its last seconds: what it was told to
    forget is there again. With each reading comes how far it stands; where that is behind what was seen
    before, nothing is believed (StoreUnavailable) until `accept`.

    Args:
        client: Its connections; closed by whoever opened them.
        origin: Name of this replica, so that it knows its own messages again.
        longest_seconds: The longest that any entry lives; indexes and changes are kept as long.
        clock: Seconds since the epoch.
        new_name: Makes names that nobody else makes.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        *,
        origin: str,
        longest_seconds: float,
        clock: Callable[[], float],
        new_name: Callable[[], str],
    ) -> None:
        self._client = client
        self._origin = origin
        self._longest_ms = int(longest_seconds * 1000)
        self._clock = clock
        self._new_name = new_name
        self._generation: bytes | None = None
        self._seen = Standing(0, 0)
        self._put = client.register_script(redis_scripts.PUT)
        self._hand_back = client.register_script(redis_scripts.HAND_BACK)
        self._evict = client.register_script(redis_scripts.EVICT)
        self._clear = client.register_script(redis_scripts.CLEAR)

    async def get_many(self, keys: Sequence[Key]) -> Read:
        """See `CacheTier`."""
        if not keys:
            return Read(Tier.REDIS, ())
        now = self._clock()
        bodies = await self._read(keys)
        decoded = (codec.decode(key, body) if body else None for key, body in zip(keys, bodies, strict=True))
        alive = [entry if entry and entry.is_alive(now) else None for entry in decoded]
        return Read(Tier.REDIS, alive)

    async def put(self, key: Key, entry: Entry, token: str = "") -> bool:
        """See `CacheTier`."""
        if entry.expires_at <= self._clock():
            return True
        return bool(await self._run(self._put, *self._content(key, entry), token, *entry.labels))

    async def hand_back(self, learnt: Sequence[tuple[Key, Entry, float]]) -> None:
        """Store what was learnt while Redis was away, each with the monotonic time that it was learnt at.

        What may have become wrong since is left out: its source has changed, or something was forgotten on
        request, here or elsewhere.
        """
        with mapping():
            seconds, microseconds = await self._client.time()
            # Measured after Redis's answer, so that what was learnt seems older than it is, never younger.
            began_ms = seconds * 1000 + microseconds / 1000 - time.monotonic() * 1000
            pipeline = self._client.pipeline(transaction=False)
            for key, entry, learnt_at in learnt:
                if entry.expires_at > self._clock():
                    when_ms = int(began_ms + learnt_at * 1000)
                    args = (PREFIX, self._new_name(), *self._content(key, entry), when_ms, *entry.labels)
                    await self._hand_back(keys=(GENERATION,), args=args, client=pipeline)
            await pipeline.execute()

    async def evict(self, invalidation: Invalidation) -> set[Key]:
        """See `CacheTier`; the other replicas hear of it in the same step."""
        message = forget_message(self._origin, invalidation)
        labels = [part for pair in invalidation.labels.items() for part in pair]
        counted_keys = (len(invalidation.keys), *invalidation.keys)
        added = [
            part
            for addition, sequence in invalidation.additions.items()
            for part in (codec.encode_addition(addition), sequence)
        ]
        counted_added = (len(invalidation.additions), *added)
        before = (CHANNEL, message, invalidation.sequence, self._longest_ms, ANY_SEQUENCE)
        bound = (*self._seen, MAX_ADDITIONS, codec.encode_addition(EVERYTHING_ADDED))
        reply = await self._run(self._evict, *before, *bound, *counted_keys, *counted_added, *labels)
        if reply is None:
            raise _lost()
        asked_ms, gone = reply
        self._see(Standing(invalidation.sequence, asked_ms))
        return set(gone)

    async def clear(self, sequence: int) -> int:
        """See `CacheTier`; the other replicas hear of it in the same step."""
        message = forget_message(self._origin, Invalidation(everything=True))
        asked_ms, gone = await self._run(self._clear, CHANNEL, message, sequence)
        self._seen = Standing(sequence or self._seen.position, asked_ms)
        return int(gone)

    async def observe(self) -> None:
        """See how far Redis stands; it is not believed any more if it is ever behind that."""
        self._see(await self._stands())

    async def verify(self) -> None:
        """Raise StoreUnavailable if Redis has lost what it was told lately."""
        before = self._seen
        if (await self._stands()).is_behind(before):
            raise _lost()

    async def accept(self) -> bool:
        """Believe Redis as it stands now; returns False if it has lost what it was told lately."""
        before, self._seen = self._seen, await self._stands()
        return not self._seen.is_behind(before)

    async def position(self) -> int | None:
        """See `CacheTier`."""
        with mapping():
            generation: Any = await self._client.get(GENERATION)
            if generation is None:
                return None
            position: Any = await self._client.get(self._name(generation, b"position"))
        return None if position is None else int(position)

    async def _stands(self) -> Standing:
        with mapping():
            generation: Any = await self._client.get(GENERATION)
            return _standing(await self._client.mget(self._standing_names(generation or b"")))

    async def additions(self) -> Mapping[Addition, int]:
        """See `CacheTier`."""
        with mapping():
            generation: Any = await self._client.get(GENERATION)
            if generation is None:
                return {}
            noted: list[Any] = await self._client.zrange(
                self._name(generation, b"additions"), 0, -1, withscores=True
            )
        return {codec.decode_addition(body): int(sequence) for body, sequence in noted}

    async def recent(self, limit: int) -> list[tuple[Key, Entry]]:
        """See `CacheTier`; what lives longest counts as filled last."""
        newest = await self._newest(limit)
        found: list[tuple[Key, Entry]] = []
        for start in range(0, len(newest), _CHUNK):
            chunk = newest[start : start + _CHUNK]
            read = await self.get_many(chunk)
            found += [(key, entry) for key, entry in zip(chunk, read.entries, strict=True) if entry]
        return found

    async def measure(self) -> list[TierMeasure]:
        """See `CacheTier`; the size is that of the bodies, told from the newest hundred."""
        sample = await self._newest(_SAMPLE)
        if not sample or self._generation is None:
            return [TierMeasure(Tier.REDIS, 0, 0, 0)]
        now_ms = int(self._clock() * 1000)
        with mapping():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.zcount(self._name(self._generation, b"keys"), now_ms, "+inf")
            for key in sample:
                pipeline.strlen(self._name(self._generation, b"e:" + key))
            entries, *sizes = await pipeline.execute()
        return [TierMeasure(Tier.REDIS, entries, sum(sizes) * entries // len(sizes), 0)]

    async def ping(self) -> None:
        """Return if Redis answers and takes writes, which one that was demoted does not; a full one does."""
        with mapping():
            await self._client.unlink(_PROBE)

    async def close(self) -> None:
        """See `CacheTier`."""

    async def disconnect(self) -> None:
        """Drop all connections, so that the next call looks the host up anew."""
        with mapping():
            await self._client.connection_pool.disconnect()

    async def _read(self, keys: Sequence[Key]) -> list[bytes | None]:
        """Reads the present generation along with the keys, and again where it was another than known."""
        before = self._seen
        for _ in range(2):
            known = self._generation or b""
            names = (self._name(known, b"e:" + key) for key in keys)
            with mapping():
                reply: list[Any] = await self._client.mget(GENERATION, *self._standing_names(known), *names)
            generation, position, asked_ms, *bodies = reply
            if generation is None:
                break
            if generation == known:
                standing = _standing((position, asked_ms))
                if standing.is_behind(before):
                    raise _lost()
                self._see(standing)
                return bodies
            self._generation = generation
        return [None] * len(keys)

    async def _newest(self, limit: int) -> list[Key]:
        with mapping():
            generation: Any = await self._client.get(GENERATION)
            self._generation = generation
            if generation is None:
                return []
            keys: list[Any] = await self._client.zrevrange(self._name(generation, b"keys"), 0, limit - 1)
        return keys

    def _content(self, key: Key, entry: Entry) -> tuple[bytes | int, ...]:
        """What the scripts store: the entry, and the times that it lives and ends at."""
        life_ms = max(1, int((entry.expires_at - self._clock()) * 1000))
        body = codec.encode(key, entry)
        return key, body, entry.sequence, life_ms, self._longest_ms, int(entry.expires_at * 1000)

    async def _run(self, script: Any, *args: Any) -> Any:
        with mapping():
            return await script(keys=(GENERATION,), args=(PREFIX, self._new_name(), *args))

    def _see(self, standing: Standing) -> None:
        self._seen = Standing(*map(max, self._seen, standing))

    def _standing_names(self, generation: bytes) -> tuple[bytes, bytes]:
        return self._name(generation, b"position"), self._name(generation, b"asked")

    @staticmethod
    def _name(generation: bytes, rest: bytes) -> bytes:
        return PREFIX + generation + b":" + rest


def _standing(values: Sequence[Any]) -> Standing:
    position, asked_ms = (int(value or 0) for value in values)
    return Standing(position, asked_ms)


def _lost() -> StoreUnavailable:
    return StoreUnavailable("redis: it has lost what it was told lately")
