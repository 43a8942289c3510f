"""The system itself: its health, its figures, its cache; and the probes of those who run it."""

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway import answers, bodies
from gateway.dependencies import Deps
from gateway.openapi import told
from gateway.schemas.health import HealthBody, figures_of, health_body, replica_counts
from gateway.schemas.system import (
    CacheStats,
    DatabaseStats,
    InvalidateReceipt,
    InvalidateRequest,
    PerformanceBody,
    ReadyBody,
    StatsBody,
    TierBody,
    WarmReceipt,
    WarmRequest,
)
from gateway.schemas.times import rfc3339
from mcai.dataset.v1 import bank_pb2
from mcai.knowledge.v1 import knowledge_pb2

router = APIRouter(tags=["system"])

MAX_HEALTH_AGE_SECONDS = 2.0
_TIER_NAMES = {
    knowledge_pb2.CACHE_TIER_MEMORY: "memory",
    knowledge_pb2.CACHE_TIER_REDIS: "redis",
    knowledge_pb2.CACHE_TIER_LOCAL: "local",
}


@router.get("/livez", **told("system live", {200: ReadyBody}))
async def livez() -> Response:
    """Says that the process answers; it never looks at anything else."""
    return answers.json(ReadyBody("ok", []))


@router.get("/readyz", **told("system ready", {200: ReadyBody, 503: ReadyBody}))
@router.get("/healthz", **told("system healthz", {200: ReadyBody, 503: ReadyBody}))
async def readyz(deps: Deps) -> Response:
    """Says whether questions can be answered: 200 also while degraded, 503 only when none can."""
    if deps.ending.is_set():  # it answers still, but who balances load should look elsewhere
        return answers.json(ReadyBody("draining", []), 503, {"retry-after": "2"})
    readings = deps.readiness.read()
    degraded = list(readings.degraded)
    if not readings.ready:
        return answers.json(ReadyBody("unavailable", degraded), 503, {"retry-after": "2"})
    return answers.json(ReadyBody("degraded" if degraded else "ok", degraded))


@router.get("/metrics", **told("system metrics", {200: "text/plain"}))
async def metrics(deps: Deps) -> Response:
    """Shows the metrics of the process in Prometheus' text format."""
    return Response(generate_latest(deps.registry), headers={"content-type": CONTENT_TYPE_LATEST})


@router.get("/api/system/health", **told("system health", {200: HealthBody}))
async def health(deps: Deps) -> Response:
    """Shows the health of every replica of every service."""
    seen = await deps.system.look(MAX_HEALTH_AGE_SECONDS)
    memory_mb, cpu_percent = deps.process.measure()
    return answers.json(health_body(seen, memory_mb, cpu_percent, deps.process.pid))


@router.get("/api/system/stats", **told("system stats", {200: StatsBody}))
async def stats(deps: Deps) -> Response:
    """Shows the figures of the cache, the bank, this process and every service."""
    cache, bank, seen = await asyncio.gather(
        deps.system.cache_figures(), deps.system.bank_figures(), deps.system.look(MAX_HEALTH_AGE_SECONDS)
    )
    memory_mb, cpu_percent = deps.process.measure()
    totals = deps.metrics.totals
    performance = PerformanceBody(
        memory_mb=memory_mb,
        cpu_percent=cpu_percent,
        requests_total=totals.requests,
        requests_failed=totals.failed,
        avg_latency_ms=round(totals.mean_latency_ms, 3),
        cache_hit_rate=round(totals.cache_hit_rate, 4),
        cache_hits=totals.cache_hits,
        cache_misses=totals.cache_misses,
    )
    return answers.json(
        StatsBody(
            _cache(cache),
            _bank(bank),
            performance,
            since=rfc3339(seen.health, "since"),
            replicas=replica_counts(seen.health),
            unreachable=list(seen.health.unreachable),
            figures={each.name: figures_of(each) for each in seen.health.services},
        )
    )


@router.post(
    "/api/system/cache/invalidate",
    **told("system invalidate", {200: InvalidateReceipt}, body=InvalidateRequest, body_required=False),
)
async def invalidate(request: Request, deps: Deps) -> Response:
    """Forgets cached answers: those of the named examples or domains, or with nothing named all of them."""
    wanted = await bodies.read_if_any(request, InvalidateRequest) or InvalidateRequest()
    everything = wanted.all or not (wanted.example_ids or wanted.domains)
    deps.near.forget()
    deps.last_answers.clear()
    asked = knowledge_pb2.InvalidateRequest(
        example_ids=wanted.example_ids, domains=wanted.domains, all=everything
    )
    response = await deps.peers.knowledge.ask(lambda stub: stub.Invalidate(asked))
    return answers.json(InvalidateReceipt(response.evicted))


@router.post(
    "/api/system/cache/warm",
    **told("system warm", {200: WarmReceipt}, body=WarmRequest, body_required=False),
)
async def warm(request: Request, deps: Deps) -> Response:
    """Loads the answers that are asked for most into the memory of a replica of knowledge-svc."""
    wanted = await bodies.read_if_any(request, WarmRequest) or WarmRequest()
    asked = knowledge_pb2.WarmRequest(max_entries=wanted.max_entries)
    response = await deps.peers.knowledge.ask(lambda stub: stub.Warm(asked))
    return answers.json(WarmReceipt(response.loaded))


def _cache(figures: knowledge_pb2.GetStatsResponse | None) -> CacheStats:
    if figures is None:
        return CacheStats(available=False, mode="unknown", reachable=False)
    tiers = [
        TierBody(
            tier=_TIER_NAMES.get(each.tier, ""),
            available=each.available,
            entries=each.entries,
            bytes=each.bytes,
            max_bytes=each.max_bytes,
            hits=each.hits,
        )
        for each in figures.tiers
    ]
    redis = [each for each in tiers if each.tier == "redis"]
    return CacheStats(
        available=any(each.available for each in redis),
        mode="redis" if redis else "embedded",
        reachable=True,
        lookups=figures.lookups,
        hits=figures.hits,
        misses=figures.misses,
        invalidated=figures.invalidated,
        tiers=tiers,
    )


def _bank(figures: bank_pb2.GetStatsResponse | None) -> DatabaseStats:
    if figures is None:
        return DatabaseStats(available=False, store="unknown", reachable=False)
    return DatabaseStats(
        available=figures.store_available,
        store=figures.store,
        reachable=True,
        datasets=figures.datasets,
        examples=figures.examples,
        conversations=figures.conversations,
        messages=figures.messages,
        feedback=figures.feedback,
        journalled=figures.journalled,
        index_documents=figures.index_documents,
        index_bytes=figures.index_bytes,
    )
