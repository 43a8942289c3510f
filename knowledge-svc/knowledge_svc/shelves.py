"""Where the answers are kept, put together: a part of the composition root.

Without a Redis the local tier and this process's own leases are all there is, which is a mode and not a
fault; with one they stand in while it is away.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from knowledge_svc.change_log import ChangeLog
from knowledge_svc.errors import StoreRefused
from knowledge_svc.fallback import FallbackLeases, FallbackTier
from knowledge_svc.gate import Gate, SharedTier
from knowledge_svc.leases import MemoryLeases
from knowledge_svc.ports import CacheTier, LeaseBook
from knowledge_svc.service import KnowledgeService
from knowledge_svc.settings import KnowledgeSettings
from knowledge_svc.sqlite_tier import SqliteTier
from servicekit.breaker import Breaker, is_outage
from servicekit.degrade import Degradation
from servicekit.health import Probe


@dataclass(frozen=True, slots=True)
class Shelves:
    """The parts of a KnowledgeService that differ with and without Redis.

    Attributes:
        slower: What is behind the memory.
        local: The tier on this replica's own disk.
        leases: Who computes what.
        probes: What health looks at.
        attend: Keeps the parts and a service in step with Redis while its context lasts.
    """

    slower: CacheTier
    local: CacheTier
    leases: LeaseBook
    probes: tuple[Probe, ...]
    attend: Callable[[KnowledgeService], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def open_shelves(
    settings: KnowledgeSettings,
    registry: CollectorRegistry,
    log: ChangeLog,
    directory: Path,
    *,
    new_name: Callable[[], str],
) -> AsyncIterator[Shelves]:
    """Gives the block the tiers and leases that the settings ask for, and closes them.

    Raises:
        ConfigurationError: The Redis URL is malformed.
    """
    local = SqliteTier(directory / "cache.sqlite", settings.local_max_bytes, time.time)
    own_leases = MemoryLeases(settings.lease_seconds, new_name(), time.monotonic)
    try:
        if settings.redis_url is None:
            yield Shelves(local, local, own_leases, (), _attend_nothing)
        else:
            shelving = _redis_shelves(
                settings, registry, log, local, own_leases, directory=directory, new_name=new_name
            )
            async with shelving as shelves:
                yield shelves
    finally:
        await local.close()


@asynccontextmanager
async def _redis_shelves(
    settings: KnowledgeSettings,
    registry: CollectorRegistry,
    log: ChangeLog,
    local: SqliteTier,
    own_leases: MemoryLeases,
    *,
    directory: Path,
    new_name: Callable[[], str],
) -> AsyncIterator[Shelves]:
    # Imported where they are used: embedded mode does without, and redis-py takes 10 MB and 60 ms.
    from knowledge_svc.redis_bulletin import RedisBulletin  # noqa: PLC0415 - see above
    from knowledge_svc.redis_client import open_client  # noqa: PLC0415 - see above
    from knowledge_svc.redis_leases import RedisLeases  # noqa: PLC0415 - see above
    from knowledge_svc.redis_tier import RedisTier  # noqa: PLC0415 - see above

    assert settings.redis_url is not None  # noqa: S101 - the caller looked
    origin, budget_seconds = new_name(), settings.redis_budget_ms / 1000
    client = open_client(settings.redis_url, budget_seconds=budget_seconds)
    shared = RedisTier(
        client,
        origin=origin,
        longest_seconds=settings.lifetimes.longest,
        clock=time.time,
        new_name=new_name,
    )
    leases = RedisLeases(client, origin=origin, seconds=settings.lease_seconds, new_name=new_name)
    gate = _gate(settings, registry, log, shared, leases, directory)

    @asynccontextmanager
    async def attend(service: KnowledgeService) -> AsyncIterator[None]:
        bulletin = RedisBulletin(
            client,
            origin,
            on_forget=service.forgotten_elsewhere,
            on_wake=service.wake,
            on_gap=service.missed_something,
        )
        async with gate.supervised(bulletin.restart), bulletin.listening():
            yield

    try:
        yield Shelves(
            slower=FallbackTier(shared, local, gate),
            local=local,
            leases=FallbackLeases(leases, own_leases, gate),
            probes=(Probe("redis", gate.check, critical=False),),
            attend=attend,
        )
    finally:
        await client.aclose()


def _gate(
    settings: KnowledgeSettings,
    registry: CollectorRegistry,
    log: ChangeLog,
    shared: SharedTier,
    leases: LeaseBook,
    directory: Path,
) -> Gate:
    budget_seconds = settings.redis_budget_ms / 1000
    return Gate(
        shared,
        leases,
        log,
        breaker=Breaker("redis", budget_seconds=budget_seconds, reset_seconds=0.5, counts=_counts),
        degradation=Degradation("redis", registry),
        marker=directory / "redis-is-owed",
    )


@asynccontextmanager
async def _attend_nothing(_service: KnowledgeService) -> AsyncIterator[None]:
    yield


def _counts(error: BaseException) -> bool:
    """A Redis that refuses is there."""
    return is_outage(error) and not isinstance(error, StoreRefused)
