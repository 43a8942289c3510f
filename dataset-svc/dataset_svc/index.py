"""The replica's own read side: a tantivy index in DATA_DIR/index, fed by the follower.

Reads run in two threads, writes in one, none on the event loop. A write of this replica is shown before the
feed brings it; until then it is remembered here, so that an older change in the feed, or a snapshot, does
not undo it.
"""

import asyncio
import ctypes
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

from dataset_svc.errors import IndexDamaged
from dataset_svc.index_files import IndexFiles
from dataset_svc.index_generation import Generation, sorted_out
from dataset_svc.index_local import LocalStates
from dataset_svc.index_search import Search
from dataset_svc.index_text import Terms
from dataset_svc.model import Analyser, Change, Example, SearchHit, SearchQuery
from servicekit.errors import Unavailable
from servicekit.logs import get_logger

NO_SEQUENCE = -1

T = TypeVar("T")
# Beside a method called `list`, the type cannot be named in the class.
Examples: TypeAlias = list[Example]
_log = get_logger(__name__)


class _LocalWrite:
    """A write that waits to be committed, together with those that wait beside it."""

    def __init__(self, upserts: Sequence[Example], deletes: Sequence[str]) -> None:
        self.upserts = upserts
        self.deletes = deletes
        self.done = False


class TantivyIndex:
    """ports.ExampleIndex; made by `open`."""

    def __init__(self, files: IndexFiles, heap_bytes: int) -> None:
        self._files = files
        self._heap_bytes = heap_bytes
        self._generation: Generation | None = None
        self._sequence = NO_SEQUENCE
        self._terms = {kind: Terms(kind) for kind in Analyser}
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="index-reader")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="index-writer")
        self._writing = asyncio.Lock()
        self._waiting: list[_LocalWrite] = []
        self._local = LocalStates()

    @classmethod
    async def open(cls, directory: Path, *, heap_bytes: int) -> "TantivyIndex":
        """Open what is there; if it is damaged or of another version, say so and wait for a snapshot.

        Raises ConfigurationError when the directory cannot be written.
        """
        index = cls(await asyncio.to_thread(IndexFiles.claim, directory), heap_bytes)
        await index._run(index._load)
        return index

    @property
    def sequence(self) -> int:
        """See ports.ExampleIndex."""
        return self._sequence

    @property
    def documents(self) -> int:
        """Examples in the index."""
        return self._generation.documents if self._generation else 0

    async def apply(self, changes: Sequence[Change], *, sequence: int) -> None:
        """See ports.ExampleIndex."""
        async with self._writing:
            admitted = self._local.admitted(changes)
            await self._in_writer(lambda: self._write(admitted, sequence))
            self._sequence = sequence
            self._local.brought(admitted)

    async def apply_local(self, upserts: Sequence[Example], deletes: Sequence[str]) -> None:
        """See ports.ExampleIndex; what is written at the same time shares a commit."""
        write = _LocalWrite(upserts, deletes)
        self._waiting.append(write)
        async with self._writing:
            if write.done:
                return
            batch, self._waiting = self._waiting, []
            try:
                fresh, gone = await self._in_writer(lambda: self._write_local(batch))
            except BaseException:
                self._waiting = batch + self._waiting
                raise
            self._local.shown(fresh, gone)
            for each in batch:
                each.done = True

    async def restore(self, upserts: Sequence[Example], deletes: Sequence[str]) -> None:
        """See ports.LocalView."""
        async with self._writing:
            # A damaged one is known to be now, and what is shown is put into the one that takes its place.
            with suppress(IndexDamaged):
                await self._in_writer(lambda: self._write_local([_LocalWrite(upserts, deletes)]))
            # All of it: what the index had on its disk was shown early as well.
            self._local.shown(upserts, deletes)

    def expect(self, example_id: str) -> None:
        """See ports.LocalView."""
        self._local.expect(example_id)

    async def settle(self, example_id: str, time: float | None, head: int) -> None:
        """See ports.LocalView."""
        async with self._writing:
            word = self._local.settle(example_id, time, head)
            if word is not None and self._generation is not None:
                await self._in_writer(lambda: self._write([word]))

    async def replace(self, snapshot: AsyncIterator[tuple[int, Examples]]) -> None:
        """See ports.ExampleIndex; the old generation answers until the new one is complete."""
        generation = await self._run(self._new_generation)
        sequence = 0
        async for taken_at, examples in snapshot:
            sequence = taken_at
            await self._run(partial(generation.fill, examples))
        async with self._writing:
            await self._run(lambda: self._swap(generation, sequence))

    async def search(self, queries: Sequence[SearchQuery]) -> list[list[SearchHit]]:
        """See ports.ExampleIndex."""

        def run(generation: Generation) -> list[list[SearchHit]]:
            search = Search(generation)
            return [search.run(query) for query in queries]

        return await self._in_reader(run)

    async def get(self, example_id: str) -> Example:
        """See ports.ExampleIndex."""
        return await self._in_reader(lambda generation: generation.get(example_id))

    async def list(self, domain: str, after_id: str, limit: int) -> Examples:
        """See ports.ExampleIndex."""
        return await self._in_reader(lambda generation: generation.page(domain, after_id, limit))

    async def domains(self) -> dict[str, int]:
        """See ports.ExampleIndex."""
        return await self._in_reader(Generation.domains)

    async def size_bytes(self) -> int:
        """See ports.ExampleIndex."""
        return await self._in_reader(Generation.size_bytes) if self._generation else 0

    async def rest(self) -> bool:
        """See ports.ExampleIndex; segments that are being merged keep their memory until they are."""
        async with self._writing:
            if self._generation is None:
                return True
            if self._generation.merging:
                return False
            await self._give_back(self._generation)
            return True

    async def close(self) -> None:
        """See ports.ExampleIndex."""
        async with self._writing:
            if self._generation is not None:
                await self._give_back(self._generation)
        await asyncio.to_thread(self._shut_down)

    async def _give_back(self, generation: Generation) -> None:
        await self._run(generation.rest)
        # 162 MB became 66 MB after 100,000 examples: glibc keeps what tantivy has freed.
        await self._run(_trim)

    def _shut_down(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._files.release()

    def _load(self) -> None:
        try:
            current = self._files.current()
            if current is not None:
                self._generation, self._sequence = self._opened(current[0]), current[1]
        except IndexDamaged as damage:
            _log.warning("the index is rebuilt from the bank", reason=damage.message)

    def _usable(self) -> Generation:
        if self._generation is None:
            raise Unavailable("The index of this replica is being built.", retry_after_seconds=1.0)
        return self._generation

    def _write(self, changes: Sequence[Change], sequence: int | None = None) -> None:
        generation = self._usable()
        upserts = [change.example for change in changes if change.example is not None]
        deletes = [change.example_id for change in changes if change.example is None]
        if upserts or deletes:
            generation.put(upserts, deletes)
        generation.commit(sequence)

    def _write_local(self, batch: Sequence[_LocalWrite]) -> tuple[Examples, Sequence[str]]:
        newest = {example.id: example for write in batch for example in write.upserts}
        gone = dict.fromkeys(example_id for write in batch for example_id in write.deletes)
        upserts = [each for each in newest.values() if each.id not in gone]
        upserts, deletes = [each for each in upserts if not self._local.was_removed(each.id)], [*gone]
        if self._generation is None:
            return upserts, deletes
        upserts, deletes = sorted_out(upserts, deletes, self._generation.find)
        if upserts or deletes:
            self._generation.put(upserts, deletes)
            self._generation.commit()
        return upserts, deletes

    def _new_generation(self) -> Generation:
        return self._opened(self._files.new_generation())

    def _opened(self, directory: Path) -> Generation:
        return Generation(directory, self._terms, self._heap_bytes)

    def _swap(self, generation: Generation, sequence: int) -> None:
        """Finish a generation with what this replica knows beyond the snapshot, and take it into use."""
        generation.commit()
        generation.put(*sorted_out(*self._local.over(), generation.find))
        generation.commit(sequence)
        self._files.swap(generation.directory)
        self._generation, self._sequence = generation, sequence

    async def _in_reader(self, work: Callable[[Generation], T]) -> T:
        generation = self._usable()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, work, generation)
        except IndexDamaged:
            self._condemn(generation)
            raise

    async def _in_writer(self, work: Callable[[], T]) -> T:
        generation = self._generation
        try:
            return await self._run(work)
        except IndexDamaged:
            self._condemn(generation)
            raise

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)

    def _condemn(self, generation: Generation | None) -> None:
        """Have the follower rebuild the index, unless it has done so meanwhile."""
        if generation is self._generation and self._sequence != NO_SEQUENCE:
            _log.warning("the index is damaged and rebuilt from the bank")
            self._sequence = NO_SEQUENCE


def _trim() -> None:
    with suppress(OSError, AttributeError):  # another C library needs no such nudge
        ctypes.CDLL(None).malloc_trim(0)
