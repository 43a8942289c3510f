"""One tantivy index in one directory. Everything here blocks and runs in a thread of the adapter's."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

import tantivy

from dataset_svc.errors import ExampleNotFound, IndexDamaged
from dataset_svc.index_files import size_bytes, write_cursor
from dataset_svc.index_frequencies import Frequencies
from dataset_svc.index_query import id_query, page_query
from dataset_svc.index_schema import LAST_KEY, document, example_of, open_index, order_key
from dataset_svc.index_text import Terms
from dataset_svc.model import Analyser, Example
from servicekit.errors import ServiceError

MAX_DOMAINS = 65_000
# Ids that share the order key of the page's first: those of one millisecond.
_SAME_KEY = 512
# Differences of order keys: some seconds of UUIDv7, and by how much it grows where there is too little.
_LEAST_WIDTH, _WIDENING = 1 << 16, 32


class Generation:
    """Readers may come from any thread, a writer from one at a time; every fault becomes IndexDamaged."""

    def __init__(self, directory: Path, terms: Mapping[Analyser, Terms], heap_bytes: int) -> None:
        self.directory = directory
        self.terms = terms
        self._heap_bytes = heap_bytes
        self._writer: Any = None
        self._page_width = _LEAST_WIDTH
        with mapped():
            self._index = open_index(str(directory))
            self.schema = self._index.schema
            self.searcher = self._index.searcher()
            self.frequencies = Frequencies(self.searcher)

    @property
    def documents(self) -> int:
        """Examples that searches see."""
        return int(self.searcher.num_docs)

    def put(self, upserts: Iterable[Example], deletes: Iterable[str] = ()) -> None:
        """Add, replace and remove; nothing is visible, or safe, before `commit`."""
        with self._writing() as writer:
            for example_id in deletes:
                writer.delete_documents_by_term("id", example_id)
            for example in upserts:
                # Whatever is there of this id goes first, so that the same change may be applied again.
                writer.delete_documents_by_term("id", example.id)
                writer.add_document(document(example, self.terms))

    def fill(self, examples: Iterable[Example]) -> None:
        """Add what cannot be there, to an index that is built anew; nothing is looked for and replaced."""
        with self._writing() as writer:
            for example in examples:
                writer.add_document(document(example, self.terms))

    def commit(self, sequence: int | None = None) -> None:
        """Make what was put durable and visible, then note the cursor if there is a new one."""
        with self._writing() as writer:
            writer.commit()
        self._show()
        if sequence is not None:
            with mapped():
                write_cursor(self.directory, sequence)

    @property
    def merging(self) -> bool:
        """Whether the writer is merging segments: on disk there is one that is not in use yet."""
        if self._writer is None:
            return False
        return len(list(self.directory.glob("*.fieldnorm"))) > self.searcher.num_segments

    def rest(self) -> None:
        """Give the writer's memory back until it is next needed; what was not committed is lost."""
        if self._writer is not None:
            self._writer = None
            self._show()

    def _show(self) -> None:
        """Let searches see the newest commit, with its segments as merged as they are."""
        with mapped():
            self._index.reload()
            self.searcher = self._index.searcher()
            self.frequencies = Frequencies(self.searcher)

    def find(self, example_id: str) -> Example | None:
        """The example, or None."""
        with mapped():
            hits = self.searcher.search(id_query(self.schema, example_id), limit=1, count=False).hits
            return example_of(self.searcher.doc(hits[0][1])) if hits else None

    def get(self, example_id: str) -> Example:
        """The example; raises ExampleNotFound."""
        found = self.find(example_id)
        if found is None:
            raise ExampleNotFound(f"There is no example {example_id!r}.")
        return found

    def page(self, domain: str, after_id: str, limit: int) -> list[Example]:
        """Examples after an id in order of id; the cost hardly depends on how far that is.

        Sorting all that follows would take 5 to 18 ms in a million examples, so a part of the keys is looked
        at (0.3 ms) that is probably wide enough; a wider one if it was not, a narrower one the next time.
        """
        searcher, wanted, first, width = (
            self.searcher,
            limit + _SAME_KEY,
            order_key(after_id),
            self._page_width,
        )
        with mapped():
            while True:
                last = min(first + width, LAST_KEY)
                query = page_query(self.schema, domain, first, last)
                # Sorting by the number is twenty times as fast as by the text that it stands for.
                found = searcher.search(
                    query, limit=wanted, count=False, order_by_field="key", order=tantivy.Order.Asc
                ).hits
                full = len(found) == wanted
                page = list(islice(_in_order(searcher, found, after_id, whole=not full), limit))
                if len(page) == limit or (last == LAST_KEY and not full):
                    self._page_width = max(_LEAST_WIDTH, width // 2)
                    return page
                if full:
                    wanted *= 2
                else:
                    width *= _WIDENING

    def domains(self) -> dict[str, int]:
        """Examples per domain."""
        counting = {"domains": {"terms": {"field": "domain", "size": MAX_DOMAINS}}}
        with mapped():
            buckets = self.searcher.aggregate(tantivy.Query.all_query(), counting)["domains"]["buckets"]
        return {str(bucket["key"]): int(bucket["doc_count"]) for bucket in buckets}

    def size_bytes(self) -> int:
        """Bytes on disk."""
        with mapped():
            return size_bytes(self.directory)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """The writer, made when it is first needed: it costs threads and memory."""
        with mapped():
            if self._writer is None:
                self._writer = self._index.writer(heap_size=self._heap_bytes, num_threads=1)
                # A process that was killed in the middle of a commit has left files of it, and the same
                # commit again would fail at their names.
                self._writer.garbage_collect_files()
            try:
                yield self._writer
            except BaseException:
                self._writer = None  # in an unknown state: the next one begins with the last commit
                raise


@contextmanager
def mapped() -> Iterator[None]:
    """Turn whatever tantivy raises into IndexDamaged; its panics are not even of type Exception."""
    try:
        yield
    except ServiceError:
        raise
    except BaseException as error:
        raise IndexDamaged(f"The index cannot be used ({error}).") from error


def _in_order(
    searcher: Any, found: Sequence[tuple[int, Any]], after_id: str, *, whole: bool
) -> Iterator[Example]:
    """Examples of hits sorted by order key, sorted by id; unless `whole`, the last key may miss some."""
    last_key = found[-1][0] if found else None
    for key, group in groupby(found, itemgetter(0)):
        if key == last_key and not whole:
            return
        examples = (example_of(searcher.doc(address)) for _, address in group)
        yield from sorted((each for each in examples if each.id > after_id), key=attrgetter("id"))


def sorted_out(
    upserts: Sequence[Example], deletes: Sequence[str], known: Callable[[str], Example | None]
) -> tuple[list[Example], list[str]]:
    """What of a write the index does not have yet, by time of the last change."""
    fresh = [
        example
        for example in upserts
        if (held := known(example.id)) is None or held.update_time < example.update_time
    ]
    return fresh, [example_id for example_id in deletes if known(example_id) is not None]
