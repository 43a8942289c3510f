"""The parts of knowledge-svc that speak to Redis, put together for tests."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import redis.asyncio
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from knowledge_svc.change_log import ChangeLog
from knowledge_svc.fallback import FallbackLeases, FallbackTier
from knowledge_svc.gate import Gate
from knowledge_svc.leases import MemoryLeases
from knowledge_svc.redis_client import open_client
from knowledge_svc.redis_leases import RedisLeases
from knowledge_svc.redis_tier import RedisTier
from knowledge_svc.sqlite_tier import SqliteTier
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation

# A machine that runs other tests beside may stall for longer than the 25 ms of the default.
BUDGET_SECONDS = 1.0

_numbers = itertools.count()


def new_name() -> str:
    return f"name{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class RedisParts:
    """Redis's tier and lease book, and their fallbacks."""

    client: redis.asyncio.Redis
    origin: str
    tier: RedisTier
    leases: RedisLeases
    log: ChangeLog
    gate: Gate
    fallback: FallbackTier
    fallback_leases: FallbackLeases
    local: SqliteTier
    degradation: Degradation
    marker: Path


@asynccontextmanager
async def redis_parts(
    url: str,
    directory: Path,
    clock: Callable[[], float],
    *,
    lease_seconds: float = 10.0,
    budget_seconds: float = BUDGET_SECONDS,
    supervise: bool = True,
    local_name: str = "",
) -> AsyncIterator[RedisParts]:
    """Everything of one replica that stands between its memory and Redis."""
    client = open_client(SecretStr(url), budget_seconds=budget_seconds)
    origin = new_name()
    tier = RedisTier(client, origin=origin, longest_seconds=172_800, clock=clock, new_name=new_name)
    leases = RedisLeases(client, origin=origin, seconds=lease_seconds, new_name=new_name)
    log, marker = ChangeLog(), directory / f"{local_name}redis-is-owed"
    degradation = Degradation("redis", CollectorRegistry())
    breaker = Breaker("redis", budget_seconds=budget_seconds, reset_seconds=0.5)
    gate = Gate(tier, leases, log, breaker=breaker, degradation=degradation, marker=marker)
    local = SqliteTier(directory / f"{local_name or origin}.sqlite", 1_000_000, clock)
    own = MemoryLeases(lease_seconds, origin, clock)
    fallback, fallback_leases = FallbackTier(tier, local, gate), FallbackLeases(leases, own, gate)
    parts = RedisParts(
        client, origin, tier, leases, log, gate, fallback, fallback_leases, local, degradation, marker
    )
    try:
        if supervise:
            async with gate.supervised(lambda: None):
                yield parts
        else:
            yield parts
    finally:
        await local.close()
        await client.aclose()
