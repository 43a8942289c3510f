"""A durable local journal: writes that are acknowledged now and applied when their store is back.

An append returns after the write has reached the disk, so a killed process loses nothing that it
acknowledged. The journal keeps the order and each id once; together with an `apply` that is idempotent
by the entry's id, the Replayer applies each write exactly once.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from servicekit.replayer import Pace, Replayer
from servicekit.sqlite import DeadEntry, Entry, JournalFile

__all__ = ["DeadEntry", "Entry", "Journal", "Pace", "Replayer"]

T = TypeVar("T")


class Journal:
    """A journal in one file, for one event loop; an async context manager that opens and closes it.

    Its file work runs in one thread of its own. Appends that arrive while the disk is busy share the next
    fsync.

    Args:
        path: The file; it and its directory are made if they are missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._file: JournalFile | None = None
        self._count = 0
        self._waiting: list[tuple[tuple[str, str, bytes], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._on_append: list[Callable[[], None]] = []

    @property
    def count(self) -> int:
        """How many entries wait to be applied."""
        return self._count

    async def open(self) -> None:
        """Opens the file.

        Raises:
            ConfigurationError: It is damaged, not writable or of a newer version.
        """
        self._file = await self._in_thread(lambda: JournalFile(self._path))
        self._count = await self._in_thread(self._file.count)

    async def close(self) -> None:
        """Closes the file, after the appends in progress."""
        if self._writing is not None:
            await self._writing
        if self._file is not None:
            await self._in_thread(self._file.close)
            self._file = None
        self._thread.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def append(self, entry_id: str, kind: str, payload: bytes) -> None:
        """Returns when the entry is on the disk; an id that is waiting already is not written again.

        Raises:
            StoreUnavailable: The disk is full or broken; the entry was not kept.
        """
        written = asyncio.get_running_loop().create_future()
        self._waiting.append(((entry_id, kind, payload), written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())
        await written
        for listener in self._on_append:
            listener()

    async def pending(self, limit: int = 100) -> list[Entry]:
        """Returns the oldest entries, in their order."""
        return await self._in_thread(lambda: self._opened.pending(limit))

    async def find(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Returns the waiting entries that are wanted, in their order; it looks at each."""
        return await self._in_thread(lambda: self._opened.find(wanted))

    async def mark_applied(self, entry_ids: Sequence[str]) -> None:
        """Removes entries that were applied; unknown ids are ignored."""
        if entry_ids:
            # Not `-= await`: that reads the count before it waits, and loses what appends add meanwhile.
            removed = await self._in_thread(lambda: self._opened.remove(entry_ids))
            self._count -= removed

    async def count_attempt(self, entry_id: str) -> None:
        """Notes that an entry failed for a reason of its own."""
        await self._in_thread(lambda: self._opened.count_attempt(entry_id))

    async def bury(self, entry_id: str, reason: str) -> None:
        """Moves an entry that can never be applied among the dead, where it blocks nothing."""
        buried = await self._in_thread(lambda: self._opened.bury(entry_id, reason))
        self._count -= buried

    async def discard(self, unwanted: Callable[[Entry], bool]) -> int:
        """Removes entries, waiting or dead, that are not to be kept any more; returns how many.

        What they held is overwritten in the file.
        """
        waiting, dead = await self._in_thread(lambda: self._opened.discard(unwanted))
        self._count -= waiting
        return waiting + dead

    async def dead(self, limit: int = 100) -> list[DeadEntry]:
        """Returns the oldest dead entries."""
        return await self._in_thread(lambda: self._opened.dead(limit))

    def on_append(self, listener: Callable[[], None]) -> None:
        """Has `listener` called, in the event loop, after each append."""
        self._on_append.append(listener)

    @property
    def _opened(self) -> JournalFile:
        if self._file is None:
            raise RuntimeError("The journal is not open.")
        return self._file

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            rows = [row for row, _ in batch]
            try:
                added = await self._in_thread(partial(self._opened.append, rows))
            except Exception as error:  # noqa: BLE001 - told to each writer, who raises it
                for _, written in batch:
                    if not written.done():
                        written.set_exception(error)
            else:
                self._count += added
                for _, written in batch:
                    if not written.done():
                        written.set_result(None)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
