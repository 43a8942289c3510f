"""Applies a journal's entries in the background, in their order, until none is left."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge

from servicekit.background import ended
from servicekit.errors import DataLoss, Internal, ServiceError
from servicekit.logs import get_logger
from servicekit.metrics import shared
from servicekit.sqlite import Entry

if TYPE_CHECKING:
    from servicekit.journal import Journal

_log = get_logger(__name__)

_FAULTS: Final = (Internal, DataLoss)


class JournalMetrics:
    """The metrics of all journals on one registry. Get it by `shared`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pending = Gauge(
            "mcai_journal_pending", "Entries that wait for their store.", ("journal",), registry=registry
        )
        self.applied = Counter(
            "mcai_journal_applied_total", "Entries that were applied.", ("journal",), registry=registry
        )
        self.dead = Counter(
            "mcai_journal_dead_total", "Entries that can never be applied.", ("journal",), registry=registry
        )


def _jitter() -> float:
    return 0.75 + secrets.randbelow(500) / 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a replayer waits between two tries.

    Attributes:
        interval_seconds: Longest time between two looks at the journal.
        first_wait_seconds: The wait after the first failure; it doubles with each further one.
        longest_wait_seconds: The longest of these waits.
        jitter: A factor around 1.0 for each of them, so that replicas do not come in step.
    """

    interval_seconds: float = 5.0
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 2.0
    jitter: Callable[[], float] = _jitter


DEFAULT_PACE: Final = Pace()


class Replayer:
    """Applies entries in order, and stops at the first that fails until its store is back.

    An entry whose `apply` says that it can never succeed (a permanent ServiceError) is buried with the
    reason, so that it blocks nothing; so is one that failed `max_attempts` times with an unexpected
    exception or an internal fault. Every other ServiceError, such as an absent store, a limit or a wrong
    token, passes with time or by a person's hand, and is waited for however long it takes.

    Args:
        journal: An open journal.
        apply: Applies one entry; it must be idempotent by `entry.entry_id`, because an entry that was
            applied just before the process was killed is applied again.
        registry: Where the journal's metrics go.
        name: Label of the metrics, such as "messages".
        batch: Entries read at a time.
        max_attempts: Failures after which an entry is held to be at fault itself.
        pace: How long it waits between two tries.
    """

    def __init__(
        self,
        journal: "Journal",
        apply: Callable[[Entry], Awaitable[None]],
        registry: CollectorRegistry,
        *,
        name: str = "journal",
        batch: int = 100,
        max_attempts: int = 10,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        self._journal = journal
        self._apply = apply
        self._name = name
        self._batch = batch
        self._max_attempts = max_attempts
        self._pace = pace
        metrics = shared(registry, JournalMetrics)
        metrics.pending.labels(name).set_function(lambda: journal.count)
        self._applied, self._dead = metrics.applied.labels(name), metrics.dead.labels(name)
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        journal.on_append(self._work.set)

    def wake(self) -> None:
        """Tries at once, such as when the store is known to be back."""
        self._work.set()
        self._hurry.set()

    async def replay(self) -> bool:
        """Applies what is waiting; returns False if it had to stop at an entry that failed."""
        while entries := await self._journal.pending(self._batch):
            if not await self._settle_all(entries):
                return False
        return True

    async def replay_batch(self) -> bool:
        """Applies the oldest of what is waiting; returns False if it had to stop at an entry that failed."""
        return await self._settle_all(await self._journal.pending(self._batch))

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await ended(self._task)

    async def _run(self) -> None:
        pace = self._pace
        wait = pace.first_wait_seconds
        while True:
            self._work.clear()
            self._hurry.clear()
            if await self._replayed():
                wait = pace.first_wait_seconds
                await _set_within(self._work, pace.interval_seconds)
            else:
                await _set_within(self._hurry, wait * pace.jitter())
                wait = min(wait * 2, pace.longest_wait_seconds)

    async def _replayed(self) -> bool:
        try:
            return await self.replay()
        except ServiceError as error:
            _log.error("the journal cannot be read", journal=self._name, error=str(error))
            return False

    async def _settle_all(self, entries: Sequence[Entry]) -> bool:
        """Applies or buries entries in their order; returns False if one must be tried again."""
        done: list[str] = []
        try:
            for entry in entries:
                if not await self._settle(entry):
                    return False
                done.append(entry.entry_id)
        finally:
            await self._journal.mark_applied(done)
        return True

    async def _settle(self, entry: Entry) -> bool:
        """Applies or buries one entry; returns False if it must be tried again."""
        try:
            await self._apply(entry)
        except Exception as error:  # noqa: BLE001 - an entry at fault must not block the ones behind it
            return await self._judge(entry, error)
        self._applied.inc()
        return True

    async def _judge(self, entry: Entry, error: Exception) -> bool:
        """Buries an entry that is at fault; returns False if it must be tried again."""
        ours = isinstance(error, ServiceError) and not isinstance(error, _FAULTS)
        permanent = isinstance(error, ServiceError) and error.permanent
        if ours and not permanent:
            _log.debug("replay waits", journal=self._name, error=str(error))
            return False
        if not permanent and entry.attempts + 1 < self._max_attempts:
            await self._journal.count_attempt(entry.entry_id)
            _log.warning("replay failed", journal=self._name, kind=entry.kind, error=repr(error))
            return False
        _log.error(
            "entry buried", journal=self._name, kind=entry.kind, entry_id=entry.entry_id, error=repr(error)
        )
        self._dead.inc()
        await self._journal.bury(entry.entry_id, str(error) or type(error).__name__)
        return True


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Returns when the event is set, or after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
