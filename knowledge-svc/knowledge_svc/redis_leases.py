"""The lease book that all replicas share: SET NX PX inside Redis, with a fence that only grows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import redis.asyncio

from knowledge_svc import redis_scripts
from knowledge_svc.leases import SPENT_SECONDS
from knowledge_svc.model import Key, Lease
from knowledge_svc.redis_bulletin import wake_message
from knowledge_svc.redis_client import CHANNEL, GENERATION, PREFIX, mapping


class RedisLeases:
    """A LeaseBook in Redis.

    Args:
        client: Its connections; closed by whoever opened them.
        origin: Name of this replica, a part of its tokens.
        seconds: How long a lease lives.
        new_name: Makes names that nobody else makes.
    """

    def __init__(
        self, client: redis.asyncio.Redis, *, origin: str, seconds: float, new_name: Callable[[], str]
    ) -> None:
        self._client = client
        self._origin = origin
        self._seconds = seconds
        self._new_name = new_name
        self._acquire = client.register_script(redis_scripts.ACQUIRE)
        self._redeem = client.register_script(redis_scripts.REDEEM)
        self._release = client.register_script(redis_scripts.RELEASE)
        self._revoke = client.register_script(redis_scripts.REVOKE)

    async def acquire(self, keys: Sequence[Key], sequence: int) -> Mapping[Key, Lease]:
        """See `LeaseBook`."""
        if not keys:
            return {}
        tail = f".{self._origin}.{sequence}"
        fences = await self._run(self._acquire, int(self._seconds * 1000), tail, *keys)
        return {
            key: Lease(f"{fence}{tail}", self._seconds)
            for key, fence in zip(keys, fences, strict=True)
            if fence
        }

    async def redeem(self, key: Key, token: str) -> bool:
        """See `LeaseBook`."""
        return bool(await self._run(self._redeem, key, token, int(SPENT_SECONDS * 1000)))

    async def release(self, key: Key, token: str) -> None:
        """See `LeaseBook`; who waits for the key on another replica is woken."""
        await self._run(self._release, key, token, CHANNEL, wake_message(self._origin, key))

    async def revoke(self, keys: Collection[Key] | None) -> None:
        """See `LeaseBook`."""
        if keys is None or keys:
            await self._run(self._revoke, *(keys or ()))

    async def count(self) -> int:
        """See `LeaseBook`."""
        with mapping():
            generation: Any = await self._client.get(GENERATION)
            if generation is None:
                return 0
            time_s, _ = await self._client.time()
            held = PREFIX + generation + b":held"
            return int(await self._client.zcount(held, time_s * 1000, "+inf"))

    async def _run(self, script: Any, *args: Any) -> Any:
        with mapping():
            return await script(keys=(GENERATION,), args=(PREFIX, self._new_name(), *args))
