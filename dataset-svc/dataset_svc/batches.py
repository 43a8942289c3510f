"""Sorting a batch of examples into new ones and duplicates, the same for every store."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dataset_svc.errors import DatasetNotEmpty
from dataset_svc.model import Dataset, Example, Insertion, content_digest

ContentKey = tuple[str, bytes]
"""Domain and SHA-256 of the content (32 bytes); a store keeps each once."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An example that may be stored, with its content key."""

    example: Example
    key: ContentKey


def candidates(examples: Sequence[Example]) -> list[Candidate]:
    """Returns the examples with their content keys; it hashes, at about 1 GB/s."""
    return [Candidate(example, (example.domain, digest_of(example))) for example in examples]


def digest_of(example: Example) -> bytes:
    """Returns the content hash of an example, 32 bytes."""
    return content_digest(example.domain, example.prompt, example.response)


def sort_out(
    batch: Sequence[Candidate], taken_ids: Collection[str], taken: Mapping[ContentKey, str]
) -> tuple[list[Candidate], tuple[Insertion, ...]]:
    """Returns the candidates to store and what becomes of each of the batch, in order.

    `taken_ids` are the ids of the batch that the store has, `taken` the ids by the contents of the batch
    that it has. A candidate that equals an earlier one of the batch is its duplicate.
    """
    ids, contents = set(taken_ids), dict(taken)
    fresh: list[Candidate] = []
    insertions: list[Insertion] = []
    for candidate in batch:
        example = candidate.example
        if example.id in ids:
            insertions.append(Insertion(example.id, duplicate=True))
        elif (equal := contents.get(candidate.key)) is not None:
            insertions.append(Insertion(equal, duplicate=True))
        else:
            ids.add(example.id)
            contents[candidate.key] = example.id
            fresh.append(candidate)
            insertions.append(Insertion(example.id, duplicate=False))
    return fresh, tuple(insertions)


def check_deletable(dataset: Dataset, *, force: bool) -> None:
    """Raises `DatasetNotEmpty` for a dataset that holds anything, unless its deletion is forced."""
    held, archived = dataset.example_count, dataset.archived_count
    if (held or archived) and not force:
        raise DatasetNotEmpty(
            f"The dataset {dataset.domain!r} has {held} examples and {archived} archived ones; "
            "delete it by force."
        )


def domain_counts(fresh: Sequence[Candidate]) -> dict[str, tuple[int, float]]:
    """Returns, by domain, how many examples come and the time of the first of them (UTC seconds)."""
    counts: dict[str, tuple[int, float]] = {}
    for candidate in fresh:
        example = candidate.example
        count, first = counts.get(example.domain, (0, example.create_time))
        counts[example.domain] = count + 1, min(first, example.create_time)
    return counts
