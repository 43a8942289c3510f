"""Health by probes: the process serves when its critical probes succeed, and says so only on a change.

It starts as not serving, becomes serving after the first good round, and while it drains it never
becomes serving again. Liveness is another matter: it never looks at dependencies.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from servicekit.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Probe:
    """One question about one dependency.

    Attributes:
        name: Name of the dependency, such as "postgres".
        check: Returns when all is well and raises when it is not.
        critical: Whether its failure makes the process not serving; else it is degraded only.
        timeout_seconds: A check that takes longer has failed.
    """

    name: str
    check: Callable[[], Awaitable[None]]
    critical: bool = True
    timeout_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """The last outcome of a probe; `checked_at` is seconds since the epoch, `message` empty if it is well."""

    name: str
    critical: bool
    healthy: bool
    message: str
    checked_at: float
    latency_seconds: float


class Health:
    """Runs the probes of a process and tells `on_change` when it begins or ceases to serve."""

    def __init__(
        self,
        probes: Sequence[Probe],
        on_change: Callable[[bool], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._probes = tuple(probes)
        self._on_change = on_change
        self._clock = clock
        self._outcomes: dict[str, ProbeOutcome] = {}
        self._serving = False
        self._draining = False

    @property
    def serving(self) -> bool:
        """Whether a health check answers SERVING."""
        return self._serving

    @property
    def outcomes(self) -> tuple[ProbeOutcome, ...]:
        """The last outcome of each probe that has run, in the order of the probes."""
        return tuple(self._outcomes[each.name] for each in self._probes if each.name in self._outcomes)

    def failing(self) -> frozenset[str]:
        """Returns the names of the probes that failed in the last round."""
        return frozenset(each.name for each in self.outcomes if not each.healthy)

    async def check(self) -> None:
        """Runs all probes once, at the same time, and flips the status if they ask for it."""
        outcomes = await asyncio.gather(*(self._run(probe) for probe in self._probes))
        for outcome in outcomes:
            self._note(outcome)
        well = all(each.healthy or not each.critical for each in outcomes)
        await self._turn(serving=well and not self._draining)

    async def watch(self, interval_seconds: float) -> None:
        """Runs rounds for ever, `interval_seconds` apart."""
        while True:
            await asyncio.sleep(interval_seconds)
            await self.check()

    async def drain(self) -> None:
        """Makes the process not serving for good."""
        self._draining = True
        await self._turn(serving=False)

    async def _run(self, probe: Probe) -> ProbeOutcome:
        started = time.perf_counter()
        message = ""
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                await probe.check()
        except TimeoutError as error:
            message = str(error) or f"no answer within {probe.timeout_seconds:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a check raises, its dependency is not well
            message = str(error) or type(error).__name__
        elapsed = time.perf_counter() - started
        return ProbeOutcome(probe.name, probe.critical, not message, message, self._clock(), elapsed)

    def _note(self, outcome: ProbeOutcome) -> None:
        before = self._outcomes.get(outcome.name)
        self._outcomes[outcome.name] = outcome
        if outcome.healthy and before is not None and not before.healthy:
            _log.info("probe recovered", probe=outcome.name)
        elif not outcome.healthy and (before is None or before.healthy):
            _log.warning("probe failed", probe=outcome.name, critical=outcome.critical, error=outcome.message)

    async def _turn(self, *, serving: bool) -> None:
        if serving == self._serving:
            return
        self._serving = serving
        _log.info("serving" if serving else "not serving")
        await self._on_change(serving)
