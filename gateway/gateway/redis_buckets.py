"""Token buckets in Redis, which all gateways share; each is taken from in one indivisible step."""

from typing import Final

import redis.asyncio

from gateway.buckets import Rate, Taken
from gateway.redis_client import PREFIX, mapping

# KEYS: the bucket. ARGV: capacity, tokens a second, tokens wanted. By Redis's own clock, since the gateways'
# may differ. Returns how many tokens were granted, how many are left, and the ms until the next one.
_TAKE: Final = """
local capacity, rate, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = capacity
if state[1] then
  tokens = math.min(capacity, tonumber(state[1]) + math.max(0, now - tonumber(state[2])) * rate)
end
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * capacity / rate) + 1000)
local wait = 0
if granted == 0 then wait = math.ceil(1000 * (1 - tokens) / rate) end
return {granted, math.floor(tokens), wait}
"""


class RedisBuckets:
    """`Buckets` in Redis."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._take = client.register_script(_TAKE)

    async def take(self, key: str, rate: Rate, wanted: int) -> Taken:
        """See `Buckets`."""
        with mapping():
            granted, left, wait_ms = await self._take(
                keys=(f"{PREFIX}bucket:{rate.name}:{key}",), args=(rate.capacity, rate.per_second, wanted)
            )
        return Taken(int(granted), int(left), int(wait_ms) / 1000)
