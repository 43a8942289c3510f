"""How what was journalled goes into the store, and how this replica's view of it gives way to the store's.

A journalled change is shown here before the store has it, and no older state replaces it. Its replay first
lets that go: whatever the feed brings from then on is shown, and if the store keeps something else than was
shown, the feed tells so after the replay. Thus every replica comes to show the store's state, the one too
that was killed and has forgotten what it showed early.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from prometheus_client import CollectorRegistry

from dataset_svc import journal_entries as entries
from dataset_svc.conflicts import Deletion, Edit
from dataset_svc.model import Example
from dataset_svc.outage import Outage
from dataset_svc.ports import LocalView, Replays
from servicekit.claims import claimed
from servicekit.errors import ConfigurationError
from servicekit.journal import Entry, Journal, Replayer
from servicekit.logs import get_logger

JOURNAL_FILE: Final = "bank-journal.db"
LOOK_SECONDS: Final = 2.0

_log = get_logger(__name__)


class Shown:
    """What this replica shows of each example, for one writer of it at a time."""

    def __init__(self, view: LocalView) -> None:
        self._view = view
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, example_id: str) -> AsyncIterator[LocalView]:
        """The view, while no other change of the example is journalled or replayed."""
        async with self._locks.setdefault(example_id, asyncio.Lock()):
            yield self._view


class Replay:
    """Applies one journalled write; idempotent, and called in order.

    Without `shown` the journal is another replica's, and nothing of it is shown here.
    """

    def __init__(
        self, replays: Replays, outage: Outage, shown: Shown | None, *, clock: Callable[[], float]
    ) -> None:
        self._replays = replays
        self._outage = outage
        self._shown = shown
        self._clock = clock

    async def __call__(self, entry: Entry) -> None:
        """Raises what the store raises; a permanent error has the entry buried."""
        write = entries.write_of(entry)
        match write:
            case (
                Example(id=example_id)
                | Edit(example=Example(id=example_id))
                | Deletion(example_id=example_id)
            ):
                await self._release(example_id)
        await self._outage.attempt(lambda: self._replays.apply(entry.entry_id, write, self._clock()))

    async def _release(self, example_id: str) -> None:
        if self._shown is not None:
            # Whoever journals a change has shown it before it is replayed.
            async with self._shown.alone(example_id) as view:
                view.release(example_id)


class Adoption:
    """Replays the journals that ended replicas have left on the volume, each folder claimed for the time.

    Args:
        volume: The directory that holds a folder for each replica.
        replay: Applies one entry of another's journal.
        registry: Where the journal's metrics go.
    """

    def __init__(self, volume: Path, replay: Replay, registry: CollectorRegistry) -> None:
        self._volume = volume
        self._replay = replay
        self._registry = registry
        self._emptied: dict[Path, tuple[int, ...]] = {}

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Replays what no living replica has claimed, as far as the store takes it."""
        for path in await asyncio.to_thread(self._changed):
            claim = claimed(path.parent)
            if await asyncio.to_thread(claim.__enter__):
                await self._adopt(path, claim)

    def _changed(self) -> list[Path]:
        """Journals that were written since they were found empty."""
        found = sorted(self._volume.glob(f"replica-*/{JOURNAL_FILE}"))
        return [path for path in found if self._emptied.get(path) != _written(path)]

    async def _adopt(self, path: Path, claim: AbstractContextManager[bool]) -> None:
        try:
            async with Journal(path) as journal:
                waiting = journal.count
                replayer = Replayer(journal, self._replay, self._registry, name="adopted")
                done = await replayer.replay()
            if waiting > journal.count:
                _log.info(
                    "journal of an ended replica replayed",
                    folder=path.parent.name,
                    entries=waiting - journal.count,
                )
            if done:
                self._emptied[path] = await asyncio.to_thread(_written, path)
        except ConfigurationError as error:
            _log.error("journal of an ended replica cannot be read", error=str(error))
            self._emptied[path] = await asyncio.to_thread(_written, path)
        finally:
            claim.__exit__(None, None, None)


def _written(path: Path) -> tuple[int, ...]:
    """When the journal and its log were last written, in nanoseconds."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
