"""The bank as plain dictionaries: what every store must agree with, call by call."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dataset_svc.errors import (
    DatasetExists,
    DatasetNotEmpty,
    DatasetNotFound,
    ExampleExists,
    ExampleNotFound,
)
from dataset_svc.model import ChangeKind, Dataset, Example, Insertion, InsertOutcome


@dataclass
class BankModel:
    """Counts nothing and keeps no index: it looks at everything, each time."""

    described: dict[str, Dataset] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)
    changes: list[tuple[ChangeKind, str, str]] = field(default_factory=list)

    def datasets(self) -> list[Dataset]:
        return [self.get_dataset(domain) for domain in sorted(self.described)]

    def get_dataset(self, domain: str) -> Dataset:
        if domain not in self.described:
            raise DatasetNotFound("model")
        count = sum(each.domain == domain for each in self.examples.values())
        return replace(self.described[domain], example_count=count)

    def create_dataset(self, dataset: Dataset) -> Dataset:
        if dataset.domain in self.described:
            raise DatasetExists("model")
        self.described[dataset.domain] = replace(dataset, example_count=0)
        return self.get_dataset(dataset.domain)

    def update_dataset(self, domain: str, description: str | None, days: int | None, now: float) -> Dataset:
        old = self.get_dataset(domain)
        self.described[domain] = replace(
            old,
            description=old.description if description is None else description,
            retention_days=old.retention_days if days is None else days,
            update_time=now,
        )
        return self.get_dataset(domain)

    def delete_dataset(self, domain: str, *, force: bool) -> int:
        held = self.get_dataset(domain).example_count
        if held and not force:
            raise DatasetNotEmpty("model")
        for example in [each for each in self.examples.values() if each.domain == domain]:
            self.delete_example(example.id)
        del self.described[domain]
        return held

    def insert_examples(self, examples: Sequence[Example]) -> InsertOutcome:
        before = set(self.described)
        outcome = InsertOutcome(tuple(self._insert(example) for example in examples))
        for domain in set(self.described) - before:
            # A dataset that a batch makes begins with the earliest of the examples that it is made for.
            first = min(each.create_time for each in self.examples.values() if each.domain == domain)
            self.described[domain] = Dataset(domain, "", 0, first, first)
        return outcome

    def update_example(
        self, example_id: str, prompt: str | None, response: str | None, now: float
    ) -> Example:
        old = self.get_example(example_id)
        new = old.edited(prompt, response, None, now)
        if new == old:
            return old
        others = (each for each in self.examples.values() if each.id != example_id)
        if any(each.content_hash == new.content_hash for each in others):
            raise ExampleExists("model")
        self.examples[example_id] = new
        self.changes.append((ChangeKind.UPDATED, example_id, new.domain))
        return new

    def get_example(self, example_id: str) -> Example:
        if example_id not in self.examples:
            raise ExampleNotFound("model")
        return self.examples[example_id]

    def delete_example(self, example_id: str) -> None:
        gone = self.get_example(example_id)
        del self.examples[example_id]
        self.changes.append((ChangeKind.DELETED, example_id, gone.domain))

    def _insert(self, example: Example) -> Insertion:
        if example.id in self.examples:
            return Insertion(example.id, duplicate=True)
        for each in self.examples.values():
            if each.content_hash == example.content_hash:
                return Insertion(each.id, duplicate=True)
        self.described.setdefault(example.domain, Dataset(example.domain, "", 0, 0.0, 0.0))
        self.examples[example.id] = example
        self.changes.append((ChangeKind.CREATED, example.id, example.domain))
        return Insertion(example.id, duplicate=False)
