"""The journals on a volume that replicas share: a replica's own, and those that ended replicas have left.

Each is in a folder of its own below that of its replica, and only whoever holds the folder's lock opens it.
A replica holds its own as long as it runs; another one takes a lock that is free for a batch of entries at a
time, so that a replica which starts again soon has its journal back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from dataset_svc.fallback_replay import Replay
from dataset_svc.outage import Outage
from servicekit.claims import claimed, siblings
from servicekit.errors import ConfigurationError
from servicekit.journal import Journal, Replayer
from servicekit.logs import get_logger

LOOK_SECONDS: Final = 2.0
WAIT_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 0.05
_FOLDER: Final = "journal"
_FILE: Final = "bank-journal.db"

_log = get_logger(__name__)


@asynccontextmanager
async def own_journal(data_dir: Path) -> AsyncIterator[Journal]:
    """This replica's journal, open and claimed.

    Raises:
        ConfigurationError: It cannot be used, or another process holds it for long.
    """
    directory = data_dir / _FOLDER
    for _ in range(int(WAIT_SECONDS / _RETRY_SECONDS)):
        with claimed(directory) as ours:
            if ours:
                async with Journal(directory / _FILE) as journal:
                    await _taken_over(data_dir / _FILE, journal)
                    yield journal
                return
        await asyncio.sleep(_RETRY_SECONDS)
    raise ConfigurationError(f"The journal in {directory} is held by another process.")


async def _taken_over(path: Path, journal: Journal) -> None:
    """Moves what waits in the journal of an earlier version, which lay beside the folder, into ours."""
    if not await asyncio.to_thread(path.exists):
        return
    async with Journal(path) as old:
        waiting = await old.find(lambda _: True)
        for entry in waiting:
            await journal.append(entry.entry_id, entry.kind, entry.payload)
        await old.mark_applied([entry.entry_id for entry in waiting])
        dead = len(await old.dead(1))
    if not dead:
        await asyncio.to_thread(_remove, path)
    _log.info("journal of an earlier version taken over", path=str(path), entries=len(waiting))


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


class Adoption:
    """Replays the journals that ended replicas have left.

    Args:
        data_dir: This replica's folder; the others are beside it.
        replay: Applies one entry of another's journal.
        outage: Whether the store is there to take it.
        registry: Where the journals' metrics go.
    """

    def __init__(self, data_dir: Path, replay: Replay, outage: Outage, registry: CollectorRegistry) -> None:
        self._data_dir = data_dir
        self._replay = replay
        self._outage = outage
        self._registry = registry
        self._emptied: dict[Path, tuple[int, ...]] = {}

    async def run(self) -> None:
        """Looks for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Replays what no living replica holds, as far as the store takes it."""
        for path in await asyncio.to_thread(self._written_to):
            while not self._outage.away and await self._adopted(path):
                pass

    def _written_to(self) -> list[Path]:
        """Journals of others that were written to since they were found empty."""
        folders = siblings(self._data_dir)
        # An earlier version kept it in the replica's folder itself, whose lock is the replica's.
        paths = [each / _FILE for each in folders] + [each / _FOLDER / _FILE for each in folders]
        return [path for path in paths if path.exists() and self._emptied.get(path) != _times(path)]

    async def _adopted(self, path: Path) -> bool:
        """Replays a batch; returns whether there is more to be had at once."""
        with claimed(path.parent) as free:
            if not free:
                return False
            try:
                async with Journal(path) as journal:
                    waiting = journal.count
                    replayer = Replayer(journal, self._replay, self._registry, name="adopted")
                    going = await replayer.replay_batch()
                    left = journal.count
            except ConfigurationError as error:
                _log.error("journal of an ended replica cannot be read", error=str(error))
                going, waiting, left = False, 0, 0
            if waiting > left:
                _log.info(
                    "journal of an ended replica replayed",
                    replica=path.parent.parent.name,
                    entries=waiting - left,
                    left=left,
                )
            if left == 0:
                self._emptied[path] = await asyncio.to_thread(_times, path)
        return going and left > 0


def _times(path: Path) -> tuple[int, ...]:
    """When the journal and its log were last written, in nanoseconds."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
