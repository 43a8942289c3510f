"""What the monitor needs of the world."""

from collections.abc import Sequence
from typing import Protocol

from monitor_svc.model import Answer, HealthStatus, Point, Reading, Transition, Warned


class Replicas(Protocol):
    """The replicas of one service.

    When they are away each address answers with the reason instead of a status; when the name cannot be
    resolved, the addresses that it had are asked, and without any there is one such answer for the name. It
    never raises, and it never takes longer than asked.
    """

    @property
    def service(self) -> str:
        """Name of the service, such as "dataset-svc"."""

    async def ask(self, timeout_seconds: float) -> list[Answer]:
        """Ask every replica at the same time, under one deadline."""

    async def close(self) -> None:
        """Give the connections back."""


class History(Protocol):
    """What was, on this replica's own disk, so that it outlives a restart.

    When the disk is full or gone, the `record` methods raise `StoreUnavailable`; the rounds go on without.
    """

    async def record(self, transitions: Sequence[Transition], warnings: Sequence[Warned]) -> None:
        """Keep transitions, and warnings that were raised or cleared; forget those beyond the bound."""

    async def record_points(self, points: Sequence[tuple[Reading, Point]]) -> None:
        """Keep one step of the figures, and forget what is older than the bounds."""

    async def conditions(self) -> dict[str, tuple[HealthStatus, float]]:
        """The last known condition by subject, and since when it has been so."""

    async def standing(self) -> list[Warned]:
        """The warnings that were never cleared."""

    async def page(self, service: str, before: int | None, limit: int) -> list[tuple[int, Transition]]:
        """Transitions with their numbers, newest first, of numbers below `before`; "" means all services."""

    async def warnings(self, before: int | None, limit: int) -> list[tuple[int, Warned]]:
        """Warnings with their numbers, newest first, of numbers below `before`."""

    async def points(self, service: str, figure: str, since: float, *, fine: bool) -> list[Point]:
        """How a figure went since a time, oldest first."""

    async def close(self) -> None:
        """Give the file back."""
