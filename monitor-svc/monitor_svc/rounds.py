"""The rounds: ask everybody, judge, remember what changed, and tell who watches."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from monitor_svc.errors import NotYetProbed
from monitor_svc.metrics import MonitorMetrics
from monitor_svc.model import (
    KnownReplicas,
    SystemHealth,
    Thresholds,
    judge_system,
    transitions_between,
    warnings_of,
)
from monitor_svc.ports import History, Replicas
from servicekit.logs import get_logger

_log = get_logger(__name__)


class Rounds:
    """Runs rounds and keeps the newest; rounds never overlap."""

    def __init__(
        self,
        services: Sequence[Replicas],
        history: History,
        thresholds: Thresholds,
        metrics: MonitorMetrics,
        *,
        timeout_seconds: float,
        forget_seconds: float,
        stalled_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = services
        self._history = history
        self._thresholds = thresholds
        self._metrics = metrics
        self._timeout_seconds = timeout_seconds
        self._stalled_seconds = stalled_seconds
        self._clock = clock
        self._known = {each.service: KnownReplicas(each.service, forget_seconds) for each in services}
        self._newest: SystemHealth | None = None
        self._changed = asyncio.Condition()
        self._one_at_a_time = asyncio.Lock()

    def newest(self) -> SystemHealth:
        """The newest round; raises NotYetProbed before the first has ended."""
        if self._newest is None:
            raise NotYetProbed("The first round of probes has not ended yet.", retry_after_seconds=1.0)
        return self._newest

    async def check(self) -> None:
        """Raise when rounds have ceased: the newest is far older than the time between two."""
        if self._newest is not None and self._clock() - self._newest.check_time > self._stalled_seconds:
            raise NotYetProbed(f"There was no round for {self._stalled_seconds:.0f} s.")

    async def at_most_old(self, seconds: float) -> SystemHealth:
        """A round that is no older than this; it runs one if need be."""
        asked_at = self._clock()
        if self._newest is None or asked_at - self._newest.check_time > seconds:
            await self._run_unless_newer_than(asked_at)
        return self.newest()

    async def run(self) -> SystemHealth:
        """Run one round."""
        async with self._one_at_a_time:
            return await self._run()

    async def repeat(self, interval_seconds: float) -> None:
        """Run rounds for ever, `interval_seconds` apart."""
        while True:
            await self.run()
            await asyncio.sleep(interval_seconds)

    async def watch(self) -> AsyncIterator[SystemHealth]:
        """The newest round at once, then each one that changed anything but figures."""
        seen: SystemHealth | None = None
        while True:
            newest = await self._other_than(seen)
            if seen is None or _outline(newest) != _outline(seen):
                yield newest
            seen = newest

    async def _other_than(self, seen: SystemHealth | None) -> SystemHealth:
        async with self._changed:
            await self._changed.wait_for(lambda: self._newest is not None and self._newest is not seen)
        return self.newest()

    async def _run_unless_newer_than(self, moment: float) -> None:
        async with self._one_at_a_time:
            # Another caller's round may have ended while this one waited for its turn.
            if self._newest is None or self._newest.check_time < moment:
                await self._run()

    async def _run(self) -> SystemHealth:
        started = time.perf_counter()
        answers = await asyncio.gather(*(each.ask(self._timeout_seconds) for each in self._services))
        now = self._clock()
        services = tuple(
            self._known[each.service].update(found, now)
            for each, found in zip(self._services, answers, strict=True)
        )
        health = SystemHealth(
            round=self._newest.round + 1 if self._newest else 1,
            status=judge_system(services),
            services=services,
            unreachable=tuple(
                f"{service.name}@{replica.address}"
                for service in services
                for replica in service.replicas
                if not replica.reachable
            ),
            warnings=warnings_of(services, self._thresholds),
            check_time=now,
            round_ms=(time.perf_counter() - started) * 1000,
        )
        await self._remember(health)
        return health

    async def _remember(self, health: SystemHealth) -> None:
        transitions = transitions_between(self._newest, health)
        for each in transitions:
            _log.info("transition", service=each.service or "system", status=each.new_status.value)
        self._metrics.observe(health)
        async with self._changed:
            self._newest = health
            self._changed.notify_all()
        if transitions:
            await self._history.record(transitions)


def _outline(health: SystemHealth) -> object:
    """What a watcher is told about: conditions and warnings, not figures that move in every round."""
    return (
        health.status,
        health.unreachable,
        health.warnings,
        [
            (service.name, service.status, [(each.address, each.message) for each in service.replicas])
            for service in health.services
        ],
    )
