"""Writes what the rounds bring to the history, beside them: a slow disk must not hold a round up."""

import asyncio
from typing import TYPE_CHECKING, Final

from monitor_svc.judgement import Outcome
from monitor_svc.ports import History
from monitor_svc.timeline import Timeline

if TYPE_CHECKING:
    from monitor_svc.model import Point, Reading, Transition, Warned

# While the disk hangs, what is beyond this is dropped, the oldest first.
_MAX_WAITING: Final = 10_000


class Records:
    """Gathers what is to be written, and writes it in its order."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._timeline = Timeline()
        self._transitions: list[Transition] = []
        self._warnings: list[Warned] = []
        self._points: list[tuple[Reading, Point]] = []
        self._work = asyncio.Event()
        self._writing = asyncio.Lock()

    def add(self, outcome: Outcome) -> None:
        """Take in a round; never waits."""
        self._transitions += outcome.transitions
        self._warnings += outcome.warnings
        self._points += self._timeline.add(outcome.readings, outcome.health.check_time)
        for waiting in (self._transitions, self._warnings, self._points):
            del waiting[:-_MAX_WAITING]
        if self._transitions or self._warnings or self._points:
            self._work.set()

    async def repeat(self) -> None:
        """Write whenever there is something, for ever."""
        while True:
            await self._work.wait()
            # Whoever ends this loop does not end a write in its middle: what it had taken up would be lost.
            await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Write what is there, after the write that is under way."""
        async with self._writing:
            self._work.clear()
            transitions, self._transitions = self._transitions, []
            warnings, self._warnings = self._warnings, []
            points, self._points = self._points, []
            if transitions or warnings:
                await self._history.record(transitions, warnings)
            if points:
                await self._history.record_points(points)
