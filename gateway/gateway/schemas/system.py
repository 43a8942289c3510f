"""Bodies of the system's figures, with the field names that older clients know."""

from typing import Annotated

import msgspec

from gateway.schemas.health import CountBody


class PerformanceBody(msgspec.Struct):
    """Figures of the process that answers, since its start."""

    memory_mb: float
    cpu_percent: float
    requests_total: int
    requests_failed: int
    avg_latency_ms: float
    cache_hit_rate: float
    cache_hits: int
    cache_misses: int


class TierBody(msgspec.Struct):
    """One tier of the cache; -1 where it cannot be asked."""

    tier: str
    available: bool
    entries: int
    bytes: int
    max_bytes: int
    hits: int


class CacheStats(msgspec.Struct):
    """The cache: `available` is whether Redis answers, `mode` "redis" or "embedded"."""

    available: bool
    mode: str
    reachable: bool
    lookups: int = 0
    hits: int = 0
    misses: int = 0
    invalidated: int = 0
    tiers: list[TierBody] = []


class DatabaseStats(msgspec.Struct):
    """The bank and its store; -1 where the store cannot be asked."""

    available: bool
    store: str
    reachable: bool
    datasets: int = 0
    examples: int = 0
    conversations: int = 0
    messages: int = 0
    feedback: int = 0
    journalled: int = 0
    index_documents: int = 0
    index_bytes: int = 0


class StatsBody(msgspec.Struct):
    """The figures of the system; `figures` are those of each service over its replicas, by service."""

    redis: CacheStats
    database: DatabaseStats
    performance: PerformanceBody
    since: str | None
    replicas: dict[str, CountBody]
    unreachable: list[str]
    figures: dict[str, dict[str, float]]


class InvalidateRequest(msgspec.Struct):
    """What to forget; nothing named means everything."""

    example_ids: list[str] = []
    domains: list[str] = []
    all: bool = False


class InvalidateReceipt(msgspec.Struct):
    """How much was forgotten."""

    evicted: int
    success: bool = True


class WarmRequest(msgspec.Struct):
    """How many answers to load into memory at the most."""

    max_entries: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000


class WarmReceipt(msgspec.Struct):
    """How many of the answers that are asked for most are in memory now."""

    loaded: int


class ReadyBody(msgspec.Struct):
    """Whether questions can be answered: "ok", "degraded" or "unavailable"."""

    status: str
    degraded: list[str]
