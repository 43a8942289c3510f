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
from knowledge_svc.leases import MemoryLeases
from knowledge_svc.ports import CacheTier, LeaseBook
from knowledge_svc.service import KnowledgeService
from knowledge_svc.settings import KnowledgeSettings
from knowledge_svc.sqlite_tier import SqliteTier
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


@dataclass(frozen=True, slots=True)
class Own:
    """What a replica has by itself: the tier on its disk, its lease book, its directory."""

    local: SqliteTier
    leases: MemoryLeases
    directory: Path


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
            # Imported where it is used: embedded mode does without, and redis-py takes 10 MB and 50 ms.
            from knowledge_svc.redis_shelves import redis_shelves  # noqa: PLC0415 - see above

            own = Own(local, own_leases, directory)
            async with redis_shelves(settings, settings.redis_url, registry, log, own, new_name) as shelves:
                yield shelves
    finally:
        await local.close()


@asynccontextmanager
async def _attend_nothing(_service: KnowledgeService) -> AsyncIterator[None]:
    yield
