"""The monitor without what it leans on.

| away | what still works |
|---|---|
| a replica or a whole service | its last known status, unreachable; a round ends within its timeout |
| DNS | the addresses that a name had are asked on |
| the history's disk | rounds, watchers and metrics; what happens until it is back is not recorded |
"""

from collections.abc import Awaitable, Sequence

from monitor_svc.errors import StoreUnavailable
from monitor_svc.model import HealthStatus, Point, Reading, Transition, Warned
from monitor_svc.ports import History
from servicekit.degrade import Degradation


class ForgetfulHistory:
    """`ports.History` that goes on when nothing can be written, and says so; reading still fails."""

    def __init__(self, history: History, degradation: Degradation) -> None:
        self._history = history
        self._degradation = degradation

    async def record(self, transitions: Sequence[Transition], warnings: Sequence[Warned]) -> None:
        """Keep transitions and warnings if that is possible."""
        await self._written(self._history.record(transitions, warnings))

    async def record_points(self, points: Sequence[tuple[Reading, Point]]) -> None:
        """Keep a step of the figures if that is possible."""
        await self._written(self._history.record_points(points))

    async def conditions(self) -> dict[str, tuple[HealthStatus, float]]:
        """See ports.History."""
        return await self._history.conditions()

    async def standing(self) -> list[Warned]:
        """See ports.History."""
        return await self._history.standing()

    async def page(self, service: str, before: int | None, limit: int) -> list[tuple[int, Transition]]:
        """See ports.History."""
        return await self._history.page(service, before, limit)

    async def warnings(self, before: int | None, limit: int) -> list[tuple[int, Warned]]:
        """See ports.History."""
        return await self._history.warnings(before, limit)

    async def points(self, service: str, figure: str, since: float, *, fine: bool) -> list[Point]:
        """See ports.History."""
        return await self._history.points(service, figure, since, fine=fine)

    async def close(self) -> None:
        """Give the file back."""
        await self._history.close()

    async def _written(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except StoreUnavailable as error:
            self._degradation.degrade(error)
        else:
            self._degradation.recover()
