"""What all gateways share through Redis, and what each does alone while that is away.

| away  | what happens                                                                              |
|-------|-------------------------------------------------------------------------------------------|
| Redis | `SharedBuckets`: each gateway counts by itself, so somebody may ask as often at each       |
| Redis | `SharedReplays`: each gateway keeps its own recordings; a repetition elsewhere is a new one |

Either names `redis` in `x-mcai-degraded`. A Redis that hangs costs one budget, and then nothing: a loop in
the background asks for it, and opens the way again when it answers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from gateway.buckets import Buckets, Rate, Taken
from gateway.replays import Begun, Recording, Replays
from servicekit.background import in_background
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from servicekit.errors import AWAY, ServiceError

T = TypeVar("T")

_BETWEEN_PROBES_SECONDS: Final = 0.25
_PROBE_SECONDS: Final = 1.0


class RedisGate:
    """The way to Redis, shut while it is away.

    Args:
        ping: Returns if Redis answers.
        breaker: Bounds each call.
        degradation: Tells that it is away.
    """

    def __init__(
        self, ping: Callable[[], Awaitable[None]], breaker: Breaker, degradation: Degradation
    ) -> None:
        self._ping = ping
        self._breaker = breaker
        self._degradation = degradation
        self._away = asyncio.Event()
        breaker.supervise(self._away.set)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Looks for Redis's return for the time of the block."""
        async with in_background("redis", self._look):
            yield

    async def ask(self, shared: Callable[[], Awaitable[T]], alone: Callable[[], Awaitable[T]]) -> T:
        """Returns what Redis says, or while it is away what this gateway says alone."""
        try:
            async with self._breaker.guard():
                return await shared()
        except AWAY as error:
            self._degradation.degrade(error)
            self._away.set()
        return await alone()

    async def _look(self) -> None:
        while True:
            await self._away.wait()
            self._away.clear()
            await self._returned()
            self._breaker.close()
            self._degradation.recover()

    async def _returned(self) -> None:
        """Returns when Redis has answered."""
        while True:
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    return await self._ping()
            except (ServiceError, TimeoutError):
                await asyncio.sleep(_BETWEEN_PROBES_SECONDS)


class SharedBuckets:
    """`Buckets` that always answer."""

    def __init__(self, shared: Buckets, own: Buckets, gate: RedisGate) -> None:
        self._shared = shared
        self._own = own
        self._gate = gate

    async def take(self, key: str, rate: Rate, wanted: int) -> Taken:
        """See `Buckets`."""
        return await self._gate.ask(
            lambda: self._shared.take(key, rate, wanted), lambda: self._own.take(key, rate, wanted)
        )


class SharedReplays:
    """`Replays` that always answer."""

    def __init__(self, shared: Replays, own: Replays, gate: RedisGate) -> None:
        self._shared = shared
        self._own = own
        self._gate = gate

    async def begin(self, key: str, fingerprint: str) -> Begun:
        """See `Replays`."""
        return await self._gate.ask(
            lambda: self._shared.begin(key, fingerprint), lambda: self._own.begin(key, fingerprint)
        )

    async def keep(self, key: str, fingerprint: str, recording: Recording, seconds: float) -> None:
        """See `Replays`."""
        await self._gate.ask(
            lambda: self._shared.keep(key, fingerprint, recording, seconds),
            lambda: self._own.keep(key, fingerprint, recording, seconds),
        )

    async def release(self, key: str) -> None:
        """See `Replays`."""
        await self._gate.ask(lambda: self._shared.release(key), lambda: self._own.release(key))
