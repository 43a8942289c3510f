"""The shelves of a replica with a Redis, put together: a part of the composition root."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import redis.asyncio
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from knowledge_svc.change_log import ChangeLog
from knowledge_svc.errors import StoreRefused
from knowledge_svc.fallback import FallbackLeases, FallbackTier
from knowledge_svc.gate import Gate
from knowledge_svc.model import Invalidation
from knowledge_svc.redis_bulletin import RedisBulletin
from knowledge_svc.redis_client import open_client
from knowledge_svc.redis_leases import RedisLeases
from knowledge_svc.redis_tier import RedisTier
from knowledge_svc.service import KnowledgeService
from knowledge_svc.settings import KnowledgeSettings
from knowledge_svc.shelves import Own, Shelves
from servicekit.breaker import Breaker, is_outage
from servicekit.degrade import Degradation
from servicekit.health import Probe
from servicekit.held import HeldMetrics
from servicekit.metrics import shared

_RESET_SECONDS = 0.5


@asynccontextmanager
async def redis_shelves(
    settings: KnowledgeSettings,
    url: SecretStr,
    registry: CollectorRegistry,
    log: ChangeLog,
    own: Own,
    new_name: Callable[[], str],
) -> AsyncIterator[Shelves]:
    """Gives the block the tiers and leases in Redis, each with what stands in for it."""
    origin, budget_seconds = new_name(), settings.redis_budget_ms / 1000
    client = open_client(url, budget_seconds=budget_seconds)
    tier = RedisTier(
        client,
        origin=origin,
        longest_seconds=settings.lifetimes.longest,
        clock=time.time,
        new_name=new_name,
    )
    leases = RedisLeases(client, origin=origin, seconds=settings.lease_seconds, new_name=new_name)
    breaker = shared(registry, HeldMetrics).watch_breaker(
        Breaker("redis", budget_seconds=budget_seconds, reset_seconds=_RESET_SECONDS, counts=_counts)
    )
    degradation, marker = Degradation("redis", registry), own.directory / "redis-is-owed"
    gate = Gate(tier, leases, log, breaker=breaker, degradation=degradation, marker=marker)

    try:
        yield Shelves(
            slower=FallbackTier(tier, own.local, gate),
            local=own.local,
            leases=FallbackLeases(leases, own.leases, gate),
            probes=(Probe("redis", gate.check, critical=False),),
            attend=partial(attended, client, origin, gate),
        )
    finally:
        await client.aclose()


@asynccontextmanager
async def attended(
    client: redis.asyncio.Redis, origin: str, gate: Gate, service: KnowledgeService
) -> AsyncIterator[None]:
    """Listens to the other replicas, and supervises the gate, while the block runs."""

    async def on_forget(invalidation: Invalidation) -> None:
        await service.forgotten_elsewhere(invalidation)
        await gate.hear(invalidation)

    async def on_gap() -> None:
        # Redis may be another than before, or the same after a crash; no request need come to find that out.
        await gate.verify()
        # While the gate is shut there is still to hand back what was learnt; its opening is the next gap.
        if gate.is_open:
            await service.missed_something()

    bulletin = RedisBulletin(client, origin, on_forget=on_forget, on_wake=service.wake, on_gap=on_gap)
    # In this order: what ends first must not be begun again by what ends last.
    async with bulletin.listening(), gate.supervised(bulletin.restart):
        yield


def _counts(error: BaseException) -> bool:
    """A Redis that refuses is there."""
    return is_outage(error) and not isinstance(error, StoreRefused)
