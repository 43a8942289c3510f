"""Token buckets: how often somebody may ask, shared by all gateways or kept by this one.

A bucket holds `capacity` tokens at the most and gains them evenly, all of them within `seconds`. Who finds it
empty is told when the next token comes.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

_MAX_BUCKETS: Final = 20_000
_LEASE_SECONDS: Final = 1.0
_LEASED_SHARE: Final = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """`capacity` requests within `seconds`, in a burst or evenly."""

    name: str
    capacity: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Tokens gained in a second."""
        return self.capacity / self.seconds


@dataclass(frozen=True, slots=True)
class Taken:
    """What a bucket gave: `granted` tokens, and how long to wait for the next if that is none."""

    granted: int
    left: int
    wait_seconds: float


class Buckets(Protocol):
    """Where the tokens are. While Redis is away each gateway counts for itself, and says `redis` is away."""

    async def take(self, key: str, rate: Rate, wanted: int) -> Taken:
        """Take up to `wanted` tokens from the bucket of `key`, which is full if nobody has asked for it."""


class LocalBuckets:
    """Buckets of this process alone; of too many, the one that was used least lately is full again.

    Args:
        clock: Seconds on a clock that only goes forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    async def take(self, key: str, rate: Rate, wanted: int) -> Taken:
        """See `Buckets`."""
        now = self._clock()
        tokens, filled_at = self._buckets.pop((rate.name, key), (float(rate.capacity), now))
        tokens = min(float(rate.capacity), tokens + (now - filled_at) * rate.per_second)
        granted = min(wanted, int(tokens))
        tokens -= granted
        self._buckets[rate.name, key] = (tokens, now)
        while len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return Taken(granted, int(tokens), 0.0 if granted else (1 - tokens) / rate.per_second)


@dataclass(slots=True)
class _Lease:
    """Tokens that were taken and are not spent, until they are too old; or none, until some come."""

    held: int
    left: int
    until: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands: `left` requests at once; `wait_seconds` until the next if they are refused."""

    allowed: bool
    left: int
    wait_seconds: float


class Meter:
    """Spends tokens one by one, and takes them from the buckets a hundredth of the capacity at a time.

    So a request seldom costs a call to Redis. What was taken and is not spent within a second is lost to the
    one it belongs to: of their capacity a hundredth at the most for each gateway.

    Args:
        buckets: Where tokens are taken.
        clock: Seconds on a clock that only goes forward.
    """

    def __init__(self, buckets: Buckets, clock: Callable[[], float]) -> None:
        self._buckets = buckets
        self._clock = clock
        self._leases: OrderedDict[tuple[str, str], _Lease] = OrderedDict()

    async def spend(self, key: str, rate: Rate) -> Standing:
        """Spends a token of `key`, if there is one."""
        now = self._clock()
        lease = self._leases.get((rate.name, key))
        if lease is None or lease.until <= now:
            taken = await self._buckets.take(key, rate, max(1, rate.capacity // _LEASED_SHARE))
            wait = _LEASE_SECONDS if taken.granted else taken.wait_seconds
            lease = self._keep((rate.name, key), _Lease(taken.granted, taken.left, now + wait))
        if lease.held == 0:
            return Standing(allowed=False, left=0, wait_seconds=max(0.0, lease.until - now))
        lease.held -= 1
        if lease.held == 0:
            del self._leases[rate.name, key]
        return Standing(allowed=True, left=lease.left + lease.held, wait_seconds=0.0)

    def _keep(self, name: tuple[str, str], lease: _Lease) -> _Lease:
        self._leases[name] = lease
        self._leases.move_to_end(name)
        while len(self._leases) > _MAX_BUCKETS:
            self._leases.popitem(last=False)
        return lease
