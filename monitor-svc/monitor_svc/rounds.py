"""The rounds: ask everybody, judge, remember what changed, and tell who watches."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from monitor_svc.errors import NotYetProbed
from monitor_svc.judgement import Judgement
from monitor_svc.metrics import MonitorMetrics
from monitor_svc.model import Answer, SystemHealth
from monitor_svc.ports import Replicas
from monitor_svc.records import Records
from servicekit.logs import get_logger

_log = get_logger(__name__)

# A timer of ours that fires this much late means that this process did not get to run.
_HELD_UP_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """When rounds are run.

    A silent replica is shown after two misses: at the latest `interval + timeout + confirm + timeout`
    after it fell silent, which is 2.4 s with the values of settings.py.

    Attributes:
        interval_seconds: Time from the beginning of a round to that of the next.
        timeout_seconds: What a round may take before the silent replicas have missed it.
        confirm_seconds: Pause after a round that somebody missed for the first time.
        stalled_seconds: Without a round for so long, the monitor itself is not well.
    """

    interval_seconds: float
    timeout_seconds: float
    confirm_seconds: float
    stalled_seconds: float

    def pause(self, took_seconds: float, *, suspects: bool) -> float:
        """Time to wait before the next round."""
        if suspects:
            return self.confirm_seconds
        return max(self.confirm_seconds, self.interval_seconds - took_seconds)


class Rounds:
    """Runs rounds and keeps the newest; rounds never overlap.

    Args:
        services: Who is asked.
        judgement: What is made of the answers.
        records: Where changes and figures go.
        clock: Seconds since the epoch.
        timer: Seconds from any origin that never go back.
    """

    def __init__(
        self,
        services: Sequence[Replicas],
        judgement: Judgement,
        records: Records,
        metrics: MonitorMetrics,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._services = services
        self._judgement = judgement
        self._records = records
        self._metrics = metrics
        self._pace = pace
        self._clock = clock
        self._timer = timer
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
        stalled = self._pace.stalled_seconds
        if self._newest is not None and self._clock() - self._newest.check_time > stalled:
            raise NotYetProbed(f"There was no round for {stalled:.0f} s.")

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

    async def repeat(self) -> None:
        """Run rounds for ever, each an interval after the one before, or at once to confirm a miss."""
        while True:
            started = self._timer()
            await self.run()
            took = self._timer() - started
            await asyncio.sleep(self._pace.pause(took, suspects=self._judgement.suspects))

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
        started = self._timer()
        timeout = self._pace.timeout_seconds
        answers: list[list[Answer]] = await asyncio.gather(*(each.ask(timeout) for each in self._services))
        took = self._timer() - started
        outcome = self._judgement.judge(
            {each.service: found for each, found in zip(self._services, answers, strict=True)},
            now=self._clock(),
            took_seconds=took,
            conclusive=took < timeout + _HELD_UP_SECONDS,
        )
        health = outcome.health
        for each in outcome.transitions:
            _log.info("transition", subject=each.service or "system", status=each.new_status.value)
        for warned in outcome.warnings:
            raised = warned.cleared_at is None
            log = _log.warning if raised else _log.info
            log("warning raised" if raised else "warning cleared", figure=warned.figure, text=warned.message)
        self._metrics.observe(health)
        self._records.add(outcome)
        async with self._changed:
            self._newest = health
            self._changed.notify_all()
        return health


def _outline(health: SystemHealth) -> object:
    """What a watcher is told about: conditions and warnings, not figures that move in every round."""
    return (
        health.status,
        health.unreachable,
        [(each.figure, each.service, each.address, each.raised_at) for each in health.warnings],
        [(each.name, each.level, each.message) for each in health.capabilities],
        [
            (service.name, service.status, [(each.address, each.message) for each in service.replicas])
            for service in health.services
        ],
    )
