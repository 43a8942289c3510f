"""Knowing that the store is away, so that one caller pays for the discovery and nobody after it."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self, TypeVar

from dataset_svc.errors import StoreUnavailable
from servicekit.background import ended
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation, note
from servicekit.errors import AWAY, DeadlineExceeded, ServiceError

T = TypeVar("T")

_PROBE_SECONDS: Final = 1.0
_BETWEEN_PROBES_SECONDS: Final = 0.25


class Outage:
    """Whether the store is away; an async context manager, within which it looks for the store's return.

    Args:
        ping: Returns if the store answers.
        breaker: Bounds each call; none else may use it, because its probing is left to this class.
        degradation: Where the absence is shown.
    """

    def __init__(
        self, ping: Callable[[], Awaitable[None]], breaker: Breaker, degradation: Degradation
    ) -> None:
        self._ping = ping
        self._breaker = breaker
        self._degradation = degradation
        self._away = asyncio.Event()
        self._looking = False
        self._task: asyncio.Task[None] | None = None
        self._on_return: list[Callable[[], None]] = []

    @property
    def away(self) -> bool:
        """Whether it is known to be away."""
        return self._looking

    def on_return(self, listener: Callable[[], None]) -> None:
        """Has `listener` called when the store answers again."""
        self._on_return.append(listener)

    def note(self) -> None:
        """Tells the caller that the store was not asked, such as for a write that waits behind others."""
        note((self._degradation.dependency,))

    async def ask(self, work: Callable[[], Awaitable[T]], *, budget_seconds: float | None = None) -> T:
        """Runs a call to the store; after one that used its budget up, those that follow fail at once.

        Raises:
            StoreUnavailable: It is away; the answer is marked as degraded.
            DeadlineExceeded: The caller's own time was up first.
        """
        try:
            async with self._breaker.guard(budget_seconds=budget_seconds):
                return await work()
        except DeadlineExceeded:
            raise
        except AWAY as error:
            self._away.set()
            self._degradation.degrade(error)
            raise self._unavailable(error) from error

    async def attempt(self, work: Callable[[], Awaitable[T]]) -> T:
        """Runs a call that nobody waits for, such as a replay: as `ask`, but no answer is marked."""
        async with self._breaker.guard():
            return await work()

    async def __aenter__(self) -> Self:
        self._breaker.supervise(self._away.set)
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await ended(self._task)
            self._task = None

    @staticmethod
    def _unavailable(error: ServiceError) -> StoreUnavailable:
        if isinstance(error, StoreUnavailable):
            return error
        return StoreUnavailable(error.message, retry_after_seconds=error.retry_after_seconds)

    async def _look(self) -> None:
        while True:
            await self._away.wait()
            self._away.clear()
            self._looking = True
            await self._answer()
            self._looking = False
            self._breaker.close()
            self._degradation.recover()
            for listener in self._on_return:
                listener()

    async def _answer(self) -> None:
        """Returns when the store has answered."""
        while True:
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    return await self._ping()
            except (ServiceError, TimeoutError):
                await asyncio.sleep(_BETWEEN_PROBES_SECONDS)
