"""What replicas tell each other over Redis's publish and subscribe: what was forgotten, what may be had.

A subscriber cannot know what was said while it was not subscribed. So each time that it is subscribed
anew, the first time included, it says "gap", and the replica forgets all that it holds by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgpack
import redis.asyncio

from knowledge_svc.errors import StoreUnavailable
from knowledge_svc.model import Invalidation, Key
from knowledge_svc.redis_client import CHANNEL, mapping
from knowledge_svc.waiters import within
from servicekit.background import ended
from servicekit.logs import get_logger

_log = get_logger(__name__)

_FORGET, _WAKE = "forget", "wake"
_RETRY_SECONDS: Final = 0.25
# A connection on which nothing was said for so long is asked whether it lives; the answer has as long.
_QUIET_SECONDS: Final = 2.0
_START_SECONDS: Final = 1.0


def forget_message(origin: str, invalidation: Invalidation) -> bytes:
    """Returns the message that this was forgotten in Redis by replica `origin`."""
    keys, labels = list(invalidation.keys), dict(invalidation.labels)
    packed: bytes = msgpack.packb((origin, _FORGET, keys, labels, invalidation.everything))
    return packed


def wake_message(origin: str, key: Key) -> bytes:
    """Returns the message that nobody computes this key any more."""
    packed: bytes = msgpack.packb((origin, _WAKE, key))
    return packed


class RedisBulletin:
    """Hears what the other replicas say.

    Args:
        client: Its connections; closed by whoever opened them.
        origin: Name of this replica; what it said itself is passed over.
        on_forget: Called with what another replica has forgotten in Redis.
        on_wake: Called with a key that may be had, or computed, now.
        on_gap: Called when something may have been missed.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        origin: str,
        *,
        on_forget: Callable[[Invalidation], Awaitable[None]],
        on_wake: Callable[[Key], None],
        on_gap: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = client
        self._origin = origin
        self._on_forget = on_forget
        self._on_wake = on_wake
        self._on_gap = on_gap
        self._sessions: set[asyncio.Task[None]] = set()
        self._tried = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listens in the background while the block runs, which begins with the first gap behind it."""
        self.restart()
        try:
            # A Redis that is away is waited for no longer: the gap comes with its return.
            await within(self._tried, _START_SECONDS)
            yield
        finally:
            await ended(*self._sessions)

    def restart(self) -> None:
        """Subscribes anew at once: Redis was away, and the old connection may not know it yet."""
        former = tuple(self._sessions)
        for session in former:
            session.cancel()
        session = asyncio.create_task(self._listen(former))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _listen(self, former: tuple[asyncio.Task[None], ...]) -> None:
        await ended(*former)
        while True:
            try:
                await self._subscribed()
            except StoreUnavailable as error:
                _log.debug("bulletin lost", error=str(error))
            self._tried.set()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _subscribed(self) -> None:
        """Listens on one connection until it fails."""
        async with self._client.pubsub() as pubsub:
            with mapping():
                await pubsub.subscribe(CHANNEL)
            asked = False
            while True:
                with mapping():
                    message = await pubsub.get_message(timeout=_QUIET_SECONDS)
                    if message is None and not asked:
                        await pubsub.ping()
                if message is None and asked:
                    raise StoreUnavailable("redis: the subscription is silent")
                asked = message is None
                if message is not None:
                    await self._hear(message)

    async def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            await self._on_gap()
            self._tried.set()
        elif message["type"] == "message":
            said = _parse(message["data"])
            if said is None:
                # What cannot be read may have been anything.
                await self._on_gap()
            elif said[0] == self._origin:
                return
            elif isinstance(said[1], Invalidation):
                await self._on_forget(said[1])
            else:
                self._on_wake(said[1])


def _parse(data: bytes) -> tuple[str, Invalidation | Key] | None:
    """Returns who said what: what was forgotten, or a key that nobody computes any more."""
    try:
        origin, kind, *content = msgpack.unpackb(data)
        if kind == _FORGET:
            keys, labels, everything = content
            return origin, Invalidation(frozenset(keys), labels, everything=bool(everything))
        (key,) = content
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
    return origin, key
