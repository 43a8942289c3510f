"""The composition root of the gateway."""

import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from gateway import fallback
from gateway.addresses import is_loopback
from gateway.app import create_app
from gateway.backends import DatasetBank, DatasetMemory, Peers, open_peers
from gateway.chat.model import Policy
from gateway.chat.pipeline import ChatPipeline
from gateway.dependencies import Dependencies
from gateway.fallback_system import SystemView
from gateway.keys import KeyRing, own_token
from gateway.knowledge_recall import KnowledgeRecall, NearFeed
from gateway.last_answers import LastAnswers
from gateway.listener import Listener, bind, listening
from gateway.makers import TaskMakers
from gateway.metrics import GatewayMetrics, Totals
from gateway.near_cache import NearCache
from gateway.process import ProcessMeter
from gateway.readiness import Readiness
from gateway.settings import GatewaySettings
from gateway.shared import Shared, open_shared
from gateway.warming import warm_up
from gateway.workers import Workers
from servicekit import logs
from servicekit.background import in_background
from servicekit.degrade import Degradation, DegradationMetrics
from servicekit.health import Health
from servicekit.identifiers import new_id
from servicekit.journal import Journal, Replayer
from servicekit.metrics import shared as metrics_shared
from servicekit.server import GrpcServer, run_service

NAME = "gateway"
ADMIN_KEY_FILE = "admin-key"
DEPENDENCIES = ("knowledge-svc", "dataset-svc", "task-svc", "monitor-svc")


_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Serving:
    """One process that answers requests.

    Attributes:
        listener: Where.
        totals: What it has counted.
        waiting: How many writes wait in its journal.
        degraded: What it works without.
    """

    listener: Listener
    totals: Totals
    waiting: Callable[[], int]
    degraded: Callable[[], frozenset[str]]


@asynccontextmanager
async def running(settings: GatewaySettings, registry: CollectorRegistry) -> AsyncIterator[Listener]:
    """Runs the gateway until the context ends; its address is `.url`, with the real `.port`.

    Raises:
        ConfigurationError: It cannot start; the sentence says what to do.
    """
    if settings.workers > 1 or settings.recycle_requests:
        async with _several(settings, registry) as listener:
            yield listener
    else:
        async with serving(settings, registry) as front:
            yield front.listener


@asynccontextmanager
async def _several(settings: GatewaySettings, registry: CollectorRegistry) -> AsyncIterator[Listener]:
    """The parent of several worker processes: it binds, watches, and tells their figures as one."""
    bound = bind(settings.host, settings.port)
    listener = Listener(settings.host, bound.getsockname()[1])
    told = settings.model_copy(update={"admin_token": _admin_token(settings), "port": listener.port})
    workers = Workers(told, bound, settings.data_dir, random.SystemRandom().random)
    registry.register(workers.figures)
    async with workers.running(), GrpcServer(settings, NAME, (), workers.probes(), registry):
        yield listener


@asynccontextmanager
async def serving(
    settings: GatewaySettings,
    registry: CollectorRegistry,
    *,
    bound: socket.socket | None = None,
    shared_dir: Path | None = None,
) -> AsyncIterator[Serving]:
    """Serves in this process: alone, or as one of several that were given a socket and a folder in common."""
    degradations = {name: Degradation(name, registry) for name in DEPENDENCIES}
    journal = Journal(settings.data_dir / "journal.sqlite")
    async with (
        open_peers(settings, registry) as peers,
        journal,
        _keys(settings, peers) as ring,
        open_shared(settings, registry, shared_dir or settings.data_dir) as shared,
    ):
        memory = fallback.JournalledMemory(
            DatasetMemory(peers.dataset),
            journal,
            degradations["dataset-svc"],
            max_entries=settings.journal_max_messages,
        )
        replayer = Replayer(journal, memory.replay, registry, name=NAME)
        deps = _dependencies(settings, registry, peers, (ring, shared), memory, degradations, replayer)
        app = create_app(deps)
        async with (
            replayer,
            in_background("near cache", NearFeed(peers.knowledge, deps.near).run),
            _watched(settings, deps, registry, alone=bound is None),
        ):
            await warm_up(app)
            async with listening(settings, app, bound) as listener:
                try:
                    yield Serving(
                        listener, deps.metrics.totals, lambda: journal.count, deps.readiness.degraded
                    )
                finally:
                    deps.ending.set()


@asynccontextmanager
async def _watched(
    settings: GatewaySettings, deps: Dependencies, registry: CollectorRegistry, *, alone: bool
) -> AsyncIterator[None]:
    """Probes the services; it tells its own health by gRPC unless a parent does so for several."""
    probes = deps.readiness.probes()
    if alone:
        async with GrpcServer(settings, NAME, (), probes, registry):
            yield
        return
    health = Health(probes, _tell_nobody)
    await health.check()
    async with in_background("probes", lambda: health.watch(settings.probe_interval_seconds)):
        yield


async def _tell_nobody(_serving: bool) -> None:
    """The parent tells the health of all workers together."""


def _dependencies(
    settings: GatewaySettings,
    registry: CollectorRegistry,
    peers: Peers,
    doors: tuple[KeyRing | None, Shared],
    memory: fallback.JournalledMemory,
    degradations: dict[str, Degradation],
    replayer: Replayer,
) -> Dependencies:
    ring, shared = doors
    near = NearCache(settings.near_cache_bytes, time.monotonic)
    last_answers = LastAnswers(settings.last_answers_bytes)

    def recovered(name: str) -> None:
        degradation = degradations.get(name)
        if degradation is not None and degradation.active:
            degradation.recover()
            replayer.wake()

    return Dependencies(
        settings=settings,
        peers=peers,
        chat=_chat(settings, peers, near, last_answers, memory, degradations),
        memory=memory,
        near=near,
        last_answers=last_answers,
        domains=fallback.KnownDomains(peers.dataset, degradations["dataset-svc"]),
        system=SystemView(peers, degradations["monitor-svc"], now=time.time, clock=time.perf_counter),
        admin_token=_admin_token(settings),
        ring=ring,
        shared=shared,
        readiness=Readiness(
            peers,
            last_answers.__len__,
            metrics_shared(registry, DegradationMetrics).names,
            recovered,
        ),
        metrics=GatewayMetrics(registry),
        registry=registry,
        process=ProcessMeter(time.monotonic),
        new_id=new_id,
    )


def _chat(
    settings: GatewaySettings,
    peers: Peers,
    near: NearCache,
    last_answers: LastAnswers,
    memory: fallback.JournalledMemory,
    degradations: dict[str, Degradation],
) -> ChatPipeline:
    return ChatPipeline(
        fallback.UncachedRecall(
            KnowledgeRecall(peers.knowledge, near), last_answers, degradations["knowledge-svc"]
        ),
        fallback.BankAway(DatasetBank(peers.dataset), degradations["dataset-svc"]),
        memory,
        fallback.MakersAway(TaskMakers(peers.task), degradations["task-svc"]),
        clock=time.perf_counter,
        now=time.time,
        ids=new_id,
        policy=_policy(settings),
    )


@asynccontextmanager
async def _keys(settings: GatewaySettings, peers: Peers) -> AsyncIterator[KeyRing | None]:
    """The keys that are let in, kept up with the bank's; None where none is asked for."""
    if not settings.asks_for_keys:
        if not is_loopback(settings.published_host or settings.host):
            _log.warning(
                "no keys are asked for: whoever reaches this address may read and write", host=settings.host
            )
        yield None
        return
    ring = KeyRing(peers.keys, settings.data_dir / "keys.json", now=time.time, clock=time.monotonic)
    await ring.open()
    async with in_background("keys", lambda: ring.keep_up(settings.keys_refresh_seconds)):
        yield ring


def _admin_token(settings: GatewaySettings) -> SecretStr | None:
    """The configured token, or where keys are needed one of our own: somebody has to make the first key."""
    if settings.admin_token is not None or not settings.asks_for_keys:
        return settings.admin_token
    path = settings.data_dir / ADMIN_KEY_FILE
    token = own_token(path)
    _log.warning("keys are needed; the administrator's is in a file", file=str(path))
    return SecretStr(token)


def _policy(settings: GatewaySettings) -> Policy:
    return Policy(
        min_confidence=settings.answer_min_confidence,
        max_sources=settings.answer_max_sources,
        max_suggestions=settings.answer_max_suggestions,
        answer_seconds=settings.answer_timeout_seconds,
        recall_wait_seconds=settings.knowledge_wait_seconds,
    )


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    run_service(GatewaySettings, running)


if __name__ == "__main__":
    main()
