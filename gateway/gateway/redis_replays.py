"""Recordings in Redis, which all gateways share."""

from typing import Final

import msgspec
import redis.asyncio

from gateway.redis_client import PREFIX, mapping
from gateway.replays import Begun, Recording, Verdict

# KEYS: the recording. ARGV: fingerprint, ms that a claim lives. Returns what was there, else it is ours.
_BEGIN: Final = """
local known = redis.call('HMGET', KEYS[1], 'fingerprint', 'recording')
if known[1] then return known end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return nil
"""
_KEEP: Final = """
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'recording', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""


class RedisReplays:
    """`Replays` in Redis.

    Args:
        client: Its connections; closed by whoever opened them.
        claim_seconds: Time after which a claim counts as lost with its holder.
    """

    def __init__(self, client: redis.asyncio.Redis, *, claim_seconds: float) -> None:
        self._client = client
        self._claim_ms = int(claim_seconds * 1000)
        self._begin = client.register_script(_BEGIN)
        self._keep = client.register_script(_KEEP)

    async def begin(self, key: str, fingerprint: str) -> Begun:
        """See `Replays`."""
        with mapping():
            known = await self._begin(keys=(_name(key),), args=(fingerprint, self._claim_ms))
        if known is None:
            return Begun(Verdict.NEW)
        if known[0] != fingerprint.encode():
            return Begun(Verdict.OTHER)
        if known[1] is None:
            return Begun(Verdict.RUNNING)
        return Begun(Verdict.DONE, msgspec.msgpack.decode(known[1], type=Recording))

    async def keep(self, key: str, fingerprint: str, recording: Recording, seconds: float) -> None:
        """See `Replays`."""
        packed = msgspec.msgpack.encode(recording)
        with mapping():
            await self._keep(keys=(_name(key),), args=(fingerprint, packed, int(seconds * 1000)))

    async def release(self, key: str) -> None:
        """See `Replays`."""
        with mapping():
            await self._client.delete(_name(key))


def _name(key: str) -> str:
    return f"{PREFIX}replay:{key}"
