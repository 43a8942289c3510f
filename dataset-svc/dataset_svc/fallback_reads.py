"""Reads while the store is away.

| asked for | answer |
|---|---|
| search, get, list, export | the replica's index, as far as it has followed |
| datasets | those of the index with their counts, and the descriptions this replica has seen |
| counts | examples and datasets from the index; conversations, messages and feedback unknown (-1) |
| head of the change feed | unknown (-1) |

Each such answer names the store in its `x-mcai-degraded` trailer.
"""

from collections.abc import Callable, Sequence

from dataset_svc.errors import StoreUnavailable
from dataset_svc.model import Dataset, Example, SearchHit, SearchQuery, StoreCounts
from dataset_svc.ports import Catalogue, ExampleReads
from servicekit.degrade import Degradation

UNKNOWN = -1


class IndexedCatalogue:
    """ports.Catalogue: asks the store, and the index when the store is away."""

    def __init__(self, store: Catalogue, index: ExampleReads, degradation: Degradation) -> None:
        self._store = store
        self._index = index
        self._degradation = degradation
        self._seen: dict[str, Dataset] = {}

    async def list_datasets(self, after_domain: str, limit: int) -> list[Dataset]:
        """See ports.Catalogue."""
        try:
            datasets = await self._store.list_datasets(after_domain, limit)
        except StoreUnavailable as error:
            self._degradation.degrade(error)
            counts = await self._index.domains()
            later = sorted(domain for domain in counts if domain > after_domain)[:limit]
            return [self._known(domain, counts[domain]) for domain in later]
        self._remember(*datasets)
        return datasets

    async def get_dataset(self, domain: str) -> Dataset:
        """See ports.Catalogue."""
        try:
            dataset = await self._store.get_dataset(domain)
        except StoreUnavailable as error:
            counts = await self._index.domains()
            if domain not in counts and domain not in self._seen:
                raise
            self._degradation.degrade(error)
            return self._known(domain, counts.get(domain, 0))
        self._remember(dataset)
        return dataset

    async def head_sequence(self) -> int:
        """See ports.Catalogue."""
        try:
            return await self._store.head_sequence()
        except StoreUnavailable as error:
            self._degradation.degrade(error)
            return UNKNOWN

    async def counts(self) -> StoreCounts:
        """See ports.Catalogue."""
        try:
            counts = await self._store.counts()
        except StoreUnavailable as error:
            self._degradation.degrade(error)
            domains = await self._index.domains()
            return StoreCounts(len(domains), sum(domains.values()), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
        self._degradation.recover()
        return counts

    def _remember(self, *datasets: Dataset) -> None:
        self._degradation.recover()
        self._seen |= {dataset.domain: dataset for dataset in datasets}

    def _known(self, domain: str, example_count: int) -> Dataset:
        seen = self._seen.get(domain, Dataset(domain, "", 0, 0.0, 0.0))
        return Dataset(
            domain,
            seen.description,
            example_count,
            seen.create_time,
            seen.update_time,
            seen.retention_days,
            seen.max_examples,
            seen.analyser,
            seen.archived_count,
        )


class StaleReads:
    """ports.ExampleReads: the index, and a word to the caller while it cannot follow the store."""

    def __init__(self, index: ExampleReads, behind: Callable[[], bool], degradation: Degradation) -> None:
        self._index = index
        self._behind = behind
        self._degradation = degradation

    @property
    def sequence(self) -> int:
        """See ports.ExampleReads."""
        return self._index.sequence

    @property
    def documents(self) -> int:
        """See ports.ExampleReads."""
        return self._index.documents

    async def search(self, queries: Sequence[SearchQuery]) -> list[list[SearchHit]]:
        """See ports.ExampleReads."""
        self._say()
        return await self._index.search(queries)

    async def get(self, example_id: str) -> Example:
        """See ports.ExampleReads."""
        self._say()
        return await self._index.get(example_id)

    async def list(self, domain: str, after_id: str, limit: int) -> "list[Example]":
        """See ports.ExampleReads."""
        self._say()
        return await self._index.list(domain, after_id, limit)

    async def domains(self) -> dict[str, int]:
        """See ports.ExampleReads."""
        self._say()
        return await self._index.domains()

    async def size_bytes(self) -> int:
        """See ports.ExampleReads."""
        return await self._index.size_bytes()

    def _say(self) -> None:
        if self._behind():
            self._degradation.degrade()
        else:
            self._degradation.recover()
