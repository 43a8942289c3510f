"""What all gateways share, put together from the settings: a part of the composition root."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from gateway.buckets import LocalBuckets, Meter
from gateway.fallback_shared import RedisGate, SharedBuckets, SharedReplays
from gateway.limits import LimitMetrics
from gateway.replays import Replays
from gateway.settings import GatewaySettings
from gateway.sqlite_replays import SqliteReplays
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from servicekit.held import HeldMetrics
from servicekit.metrics import shared as metrics_shared

_CLAIM_SECONDS: Final = 60.0
_REPLAYS_FILE: Final = "replays.sqlite"


@dataclass(frozen=True, slots=True)
class Shared:
    """Token buckets and recorded answers, in Redis if there is one."""

    meter: Meter
    replays: Replays
    metrics: LimitMetrics


@asynccontextmanager
async def open_shared(
    settings: GatewaySettings, registry: CollectorRegistry, directory: Path
) -> AsyncIterator[Shared]:
    """Opens what this gateway keeps itself, in `directory`, and the way to Redis if one is configured."""
    metrics = LimitMetrics(registry)
    buckets = LocalBuckets(time.monotonic)
    own = SqliteReplays(directory / _REPLAYS_FILE, claim_seconds=_CLAIM_SECONDS, now=time.time)
    async with own:
        if settings.redis_url is None:
            yield Shared(Meter(buckets, time.monotonic), own, metrics)
            return
        async with _through_redis(settings, settings.redis_url, registry, buckets, own) as (shared, replays):
            yield Shared(Meter(shared, time.monotonic), replays, metrics)


@asynccontextmanager
async def _through_redis(
    settings: GatewaySettings,
    url: SecretStr,
    registry: CollectorRegistry,
    buckets: LocalBuckets,
    own: SqliteReplays,
) -> AsyncIterator[tuple[SharedBuckets, SharedReplays]]:
    # Imported where it is used: an embedded system needs none, and redis takes its time to import.
    from gateway.redis_buckets import RedisBuckets  # noqa: PLC0415 - see above
    from gateway.redis_client import open_client, ping  # noqa: PLC0415 - see above
    from gateway.redis_replays import RedisReplays  # noqa: PLC0415 - see above

    budget_seconds = settings.redis_call_ms / 1000
    breaker = metrics_shared(registry, HeldMetrics).watch_breaker(
        Breaker("redis", budget_seconds=budget_seconds, reset_seconds=0.5)
    )
    async with open_client(url, budget_seconds=budget_seconds) as client:
        gate = RedisGate(lambda: ping(client), breaker, Degradation("redis", registry))
        async with gate.watched():
            yield (
                SharedBuckets(RedisBuckets(client), buckets, gate),
                SharedReplays(RedisReplays(client, claim_seconds=_CLAIM_SECONDS), own, gate),
            )
