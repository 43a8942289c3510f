"""The system as monitor-svc sees it; while that is away, as the gateway's own questions show it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gateway.backends import Peer, Peers
from mcai.dataset.v1 import bank_pb2
from mcai.knowledge.v1 import knowledge_pb2
from mcai.monitor.v1 import monitor_pb2, replica_pb2
from servicekit import capabilities, degrade
from servicekit.capabilities import Level, Standing
from servicekit.degrade import Degradation
from servicekit.errors import AWAY, InvalidArgument, ServiceError

T = TypeVar("T")

_LOOK_SECONDS: Final = 0.8

_LEVELS: Final = {
    Level.OK: monitor_pb2.CAPABILITY_STATUS_OK,
    Level.DEGRADED: monitor_pb2.CAPABILITY_STATUS_DEGRADED,
    Level.DOWN: monitor_pb2.CAPABILITY_STATUS_DOWN,
}


@dataclass(frozen=True, slots=True)
class SeenHealth:
    """The health of the system and who saw it: "monitor" or "gateway"."""

    source: str
    health: monitor_pb2.SystemHealth


class SystemView:
    """The system as monitor-svc sees it, or while that is away as one replica of each service tells.

    Args:
        peers: The services.
        now: Seconds since the epoch.
        clock: Seconds on a clock that only goes forward.
        degradation: That of monitor-svc.
    """

    def __init__(
        self,
        peers: Peers,
        degradation: Degradation,
        *,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._peers = peers
        self._degradation = degradation
        self._now = now
        self._clock = clock
        self._conditions: dict[str, tuple[int, float]] = {}

    async def look(self, max_age_seconds: float) -> SeenHealth:
        """Returns the health as it was at most `max_age_seconds` ago."""
        request = monitor_pb2.GetSystemHealthRequest()
        request.max_age.FromNanoseconds(int(max_age_seconds * 1e9))
        try:
            # It answers from memory: one that does not within a moment is away or frozen.
            response = await self._peers.monitor.ask(
                lambda stub: stub.GetSystemHealth(request, timeout=_LOOK_SECONDS)
            )
        except AWAY as error:
            self._degradation.degrade(error)
            return SeenHealth("gateway", await self._own_round())
        self._degradation.recover()
        return SeenHealth("monitor", response.health)

    async def cache_figures(self) -> knowledge_pb2.GetStatsResponse | None:
        """Returns the figures of the cache, None while knowledge-svc is away."""
        request = knowledge_pb2.GetStatsRequest()
        return await self._figures(self._peers.knowledge.ask(lambda stub: stub.GetStats(request)))

    async def bank_figures(self) -> bank_pb2.GetStatsResponse | None:
        """Returns the figures of the bank, None while dataset-svc is away."""
        request = bank_pb2.GetStatsRequest()
        return await self._figures(self._peers.dataset.ask(lambda stub: stub.GetStats(request)))

    async def _figures(self, answer: Awaitable[T]) -> T | None:
        try:
            return await answer
        except AWAY as error:
            degrade.note([error.metadata.get("dependency", "")])
            return None

    async def history(
        self, request: monitor_pb2.ListHealthHistoryRequest
    ) -> monitor_pb2.ListHealthHistoryResponse:
        """Returns a page of transitions; nothing stands in for monitor-svc here."""
        return await self._peers.monitor.ask(lambda stub: stub.ListHealthHistory(request))

    async def warnings(self, request: monitor_pb2.ListWarningsRequest) -> monitor_pb2.ListWarningsResponse:
        """Returns a page of warnings, as above."""
        return await self._peers.monitor.ask(lambda stub: stub.ListWarnings(request))

    async def figure_history(
        self, request: monitor_pb2.GetFigureHistoryRequest
    ) -> monitor_pb2.GetFigureHistoryResponse:
        """Returns how a figure went, as above."""
        return await self._peers.monitor.ask(lambda stub: stub.GetFigureHistory(request))

    async def tasks_of(self, service: str) -> replica_pb2.DumpTasksResponse:
        """Returns what one replica of a service waits for.

        Raises:
            InvalidArgument: No service has this name.
        """
        for peer in self._peers.everyone():
            if peer.name == service:
                return await peer.dump_tasks()
        names = ", ".join(peer.name for peer in self._peers.everyone())
        raise InvalidArgument(f"service is to be gateway or one of {names}.")

    async def _own_round(self) -> monitor_pb2.SystemHealth:
        started, now = self._clock(), self._now()
        services = await asyncio.gather(*(self._look_at(peer) for peer in self._peers.everyone()))
        # monitor-svc itself is away, or this would not run: that alone leaves everything working.
        lost = [each.name for each in services if each.status == monitor_pb2.HEALTH_STATUS_UNHEALTHY]
        whole = monitor_pb2.HEALTH_STATUS_DEGRADED
        if set(lost) - {self._peers.monitor.name}:
            whole = monitor_pb2.HEALTH_STATUS_UNHEALTHY
        health = monitor_pb2.SystemHealth(
            status=whole,
            services=services,
            unreachable=lost,
            capabilities=_capabilities(services),
            round_ms=(self._clock() - started) * 1000,
        )
        health.check_time.FromNanoseconds(int(now * 1e9))
        health.since.FromNanoseconds(self._since("", health.status, now))
        for service in health.services:
            service.since.FromNanoseconds(self._since(service.name, service.status, now))
        for capability in health.capabilities:
            capability.since.FromNanoseconds(self._since(capability.name, capability.status, now))
        return health

    def _since(self, subject: str, status: int, now: float) -> int:
        """Returns since when this process has seen a subject in its condition, in nanoseconds."""
        seen, since = self._conditions.get(subject, (status, now))
        if seen != status:
            since = now
        self._conditions[subject] = (status, since)
        return int(since * 1e9)

    async def _look_at(self, peer: Peer[Any]) -> monitor_pb2.ServiceHealth:
        started = self._clock()
        replica = monitor_pb2.ReplicaHealth(address=peer.name)
        status, message = monitor_pb2.HEALTH_STATUS_UNHEALTHY, f"{peer.name} is not serving."
        try:
            seen = await self._asked(peer)
        except ServiceError as error:
            replica.message = message = error.message
        else:
            replica.reachable = True
            replica.last_status.CopyFrom(seen)
            replica.latency_ms = (self._clock() - started) * 1000
            if seen.serving:
                status, message = monitor_pb2.HEALTH_STATUS_HEALTHY, f"{peer.name} serves."
            if seen.serving and seen.degraded:
                status = monitor_pb2.HEALTH_STATUS_DEGRADED
                message = f"{peer.name} works without {', '.join(seen.degraded)}."
        return monitor_pb2.ServiceHealth(name=peer.name, status=status, message=message, replicas=[replica])

    async def _asked(self, peer: Peer[Any]) -> replica_pb2.ReplicaStatus:
        """Asks twice: one late answer on a busy machine does not make a service unhealthy."""
        try:
            return await peer.status()
        except AWAY:
            return await peer.status()


def _capabilities(services: Sequence[monitor_pb2.ServiceHealth]) -> list[monitor_pb2.Capability]:
    standings = {
        service.name: Standing(
            service.status != monitor_pb2.HEALTH_STATUS_UNHEALTHY,
            frozenset(name for replica in service.replicas for name in replica.last_status.degraded),
        )
        for service in services
    }
    return [
        monitor_pb2.Capability(name=each.name, status=_LEVELS[each.level], message=each.message)
        for each in capabilities.judge(standings)
    ]
