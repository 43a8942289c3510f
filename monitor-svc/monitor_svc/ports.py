"""What the monitor needs of the world."""

from collections.abc import Sequence
from typing import Protocol

from monitor_svc.model import Answer, Transition


class Replicas(Protocol):
    """The replicas of one service.

    When they are away each address answers with the reason instead of a status; when the name cannot be
    resolved there is one such answer for the name. It never raises, and it never takes longer than asked.
    """

    @property
    def service(self) -> str:
        """Name of the service, such as "dataset-svc"."""

    async def ask(self, timeout_seconds: float) -> list[Answer]:
        """Ask every replica at the same time, under one deadline."""

    async def close(self) -> None:
        """Give the connections back."""


class History(Protocol):
    """Past transitions, on this replica's own disk, so that they outlive a restart.

    When the disk is full or gone, `record` raises `StoreUnavailable`; the rounds go on without it.
    """

    async def record(self, transitions: Sequence[Transition]) -> None:
        """Keep transitions durably, and forget those beyond the bound."""

    async def page(self, service: str, before: int | None, limit: int) -> list[tuple[int, Transition]]:
        """Transitions with their numbers, newest first, of numbers below `before`; "" means all services."""

    async def close(self) -> None:
        """Give the file back."""
