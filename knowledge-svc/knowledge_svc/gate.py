"""The way to Redis: shut while Redis is away or is owed something, and opened again from the background."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

from knowledge_svc.change_log import ChangeLog
from knowledge_svc.errors import AWAY, StoreRefused, StoreUnavailable
from knowledge_svc.model import Entry, Invalidation, Key
from knowledge_svc.ports import CacheTier, LeaseBook
from servicekit.background import ended
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from servicekit.errors import DeadlineExceeded

T = TypeVar("T")

_RETRY_SECONDS: Final = 0.25
# No caller waits for this, so it may take longer than a lookup.
_SETTLING_SECONDS: Final = 1.0
# More than this is owed as everything.
_MAX_OWED: Final = 2_000
_NOTHING: Final = Invalidation()


class SharedTier(CacheTier, Protocol):
    """A tier behind a network."""

    async def ping(self) -> None:
        """Return if it answers and takes writes."""

    async def hand_back(self, learnt: Sequence[tuple[Key, Entry, float]]) -> None:
        """Store what was learnt while it was away, unless it may have become wrong since.

        Each comes with the time, on the monotonic clock, that it was learnt at.
        """

    async def observe(self) -> None:
        """See how far it stands; where it is behind that later, every call raises StoreUnavailable."""

    async def verify(self) -> None:
        """Raise StoreUnavailable if it has lost what it was told lately."""

    async def accept(self) -> bool:
        """Believe it as it stands now; returns False if it has lost what it was told lately."""

    async def disconnect(self) -> None:
        """Drop all connections, so that the next call looks the host up anew."""


class Gate:
    """Lets calls through to Redis, and knows what Redis has still to be told.

    One failure shuts it, since even a connection that was only cut may mean that Redis has lost its last
    seconds; when Redis is well it is open again within milliseconds.

    Args:
        shared: The tier in Redis.
        leases: The lease book in Redis.
        log: What the bank changed lately.
        breaker: Bounds the calls in time.
        degradation: Tells that Redis is away.
        marker: A file that exists while something is owed, so that it is known after a crash.
    """

    def __init__(
        self,
        shared: SharedTier,
        leases: LeaseBook,
        log: ChangeLog,
        *,
        breaker: Breaker,
        degradation: Degradation,
        marker: Path,
    ) -> None:
        self._shared = shared
        self._leases = leases
        self._log = log
        self._breaker = breaker
        self._degradation = degradation
        self._marker = marker
        self._owed = Invalidation(everything=True) if marker.exists() else _NOTHING
        self._owes_revocation = marker.exists()
        self._asked = _NOTHING
        self._before_opening: Callable[[], Awaitable[None]] | None = None
        self._shut = asyncio.Event()
        breaker.supervise(self._shut.set)
        if self._owed:
            self._shut.set()

    @property
    def is_open(self) -> bool:
        """Whether Redis may be asked."""
        return not self._shut.is_set()

    async def attempt(self, call: Callable[[], Awaitable[T]], *, seconds: float | None = None) -> T:
        """Returns what the call returns, within `seconds`, or else the breaker's budget.

        Raises:
            StoreUnavailable: Redis is away, owed something, or did not answer in time.
            DeadlineExceeded: The caller's own deadline came first.
        """
        if self._shut.is_set():
            raise StoreUnavailable("redis is away.")
        try:
            async with self._breaker.guard(budget_seconds=seconds):
                outcome = await call()
        except (StoreRefused, DeadlineExceeded):
            raise
        except AWAY:
            self._shut.set()
            raise
        self._degradation.recover()
        return outcome

    def before_opening(self, call: Callable[[], Awaitable[None]]) -> None:
        """Calls this when Redis is back and not yet read; the gate opens only if it succeeds."""
        self._before_opening = call

    def stand_in(self, error: BaseException) -> None:
        """Notes that an answer is given without Redis."""
        self._degradation.degrade(error)

    def owe(self, invalidation: Invalidation) -> None:
        """Remembers what Redis has still to forget; until then it is not read."""
        self._owed = _bounded(self._owed.merged(invalidation))
        self._shut.set()
        # The bank's changes are known from its feed again; what a person asked for is not.
        if not invalidation.sequence:
            self._mark()

    def remember(self, invalidation: Invalidation) -> None:
        """Notes what a person asked for, to ask for it again if Redis loses its last seconds."""
        if invalidation.on_request:
            self._asked = _bounded(self._asked.merged(invalidation))

    async def hear(self, invalidation: Invalidation) -> None:
        """Notes what another replica was asked for, and that Redis has been told."""
        if not invalidation.on_request:
            return
        self.remember(invalidation)
        try:
            await self.attempt(self._shared.observe)
        except AWAY:
            self.owe(invalidation)

    async def verify(self) -> None:
        """Finds out whether Redis has lost what it was told lately, and shuts the gate if it has."""
        with suppress(*AWAY):
            await self.attempt(self._shared.verify)

    def owe_revocation(self) -> None:
        """Remembers that the leases in Redis are to be taken away."""
        self._owes_revocation = True
        self._shut.set()
        self._mark()

    @asynccontextmanager
    async def supervised(self, on_return: Callable[[], None]) -> AsyncIterator[None]:
        """Opens the gate when Redis is back, while the block runs; `on_return` is called each time."""
        task = asyncio.create_task(self._supervise(on_return))
        try:
            yield
        finally:
            await ended(task)

    async def check(self) -> None:
        """Is the health probe: raises StoreUnavailable while Redis is away."""
        await self.attempt(self._shared.ping, seconds=_SETTLING_SECONDS)

    async def _supervise(self, on_return: Callable[[], None]) -> None:
        while True:
            await self._shut.wait()
            try:
                async with asyncio.timeout(_SETTLING_SECONDS):
                    await self._settle()
            except (*AWAY, TimeoutError):
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                on_return()

    async def _settle(self) -> None:
        """Pays what is owed and opens the gate; between the last look at the debts and that nothing runs."""
        await self._shared.disconnect()
        await self._shared.ping()
        if not await self._shared.accept():
            self.owe_revocation()
            self.owe(self._asked)
        # Before the debts, which may be about what is handed back.
        if self._before_opening is not None:
            await self._before_opening()
        await self._pay(await self._missed())
        while self._owed or self._owes_revocation:
            await self._pay(_NOTHING)
        self._marker.unlink(missing_ok=True)
        self._shut.clear()
        self._breaker.close()
        self._degradation.recover()

    async def _missed(self) -> Invalidation:
        """What the bank has changed after the position that Redis remembers."""
        if not self._log.sequence:
            return _NOTHING
        position = await self._shared.position()
        labels = None if position is None else self._log.since(position)
        if position is None or labels is None:
            return Invalidation(everything=True, sequence=self._log.sequence)
        added = self._log.additions.since(position)
        return Invalidation(labels=labels, additions=added, sequence=self._log.sequence)

    async def _pay(self, missed: Invalidation) -> None:
        owed, revocation = self._owed, self._owes_revocation
        self._owed, self._owes_revocation = _NOTHING, False
        try:
            if revocation:
                await self._leases.revoke(None)
            due = owed.merged(missed)
            if due.everything:
                await self._shared.clear(due.sequence)
            elif due:
                await self._shared.evict(due)
        except BaseException:
            self._owed = owed.merged(self._owed)
            self._owes_revocation = self._owes_revocation or revocation
            raise

    def _mark(self) -> None:
        # If even this fails, a crash right now forgets the debt; there is no safer place to write it.
        with suppress(OSError):
            self._marker.touch()


def _bounded(invalidation: Invalidation) -> Invalidation:
    if len(invalidation.keys) + len(invalidation.labels) <= _MAX_OWED:
        return invalidation
    return Invalidation(everything=True, sequence=invalidation.sequence)
