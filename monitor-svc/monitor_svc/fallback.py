"""The monitor without what it leans on.

| away | what still works |
|---|---|
| a replica or a whole service | its last known status, unreachable; a round ends within its timeout |
| the history's disk | rounds, watchers and metrics; transitions are lost until it can be written again |
"""

from collections.abc import Sequence

from monitor_svc.errors import StoreUnavailable
from monitor_svc.model import Transition
from monitor_svc.ports import History
from servicekit.degrade import Degradation


class ForgetfulHistory:
    """`ports.History` that goes on when transitions cannot be written, and says so; reading still fails."""

    def __init__(self, history: History, degradation: Degradation) -> None:
        self._history = history
        self._degradation = degradation

    async def record(self, transitions: Sequence[Transition]) -> None:
        """Keep transitions if that is possible."""
        try:
            await self._history.record(transitions)
        except StoreUnavailable as error:
            self._degradation.degrade(error)
        else:
            self._degradation.recover()

    async def page(self, service: str, before: int | None, limit: int) -> list[tuple[int, Transition]]:
        """Page through what was kept."""
        return await self._history.page(service, before, limit)

    async def close(self) -> None:
        """Give the file back."""
        await self._history.close()
