"""The bank as plain dictionaries: what every store must agree with, call by call."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from dataset_svc.errors import (
    DatasetExists,
    DatasetNotEmpty,
    DatasetNotFound,
    ExampleExists,
    ExampleNotFound,
)
from dataset_svc.model import ChangeKind, Dataset, DatasetEdit, Example, Insertion, InsertOutcome, Moved


@dataclass
class BankModel:
    """Counts nothing and keeps no index: it looks at everything, each time."""

    described: dict[str, Dataset] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)
    changes: list[tuple[ChangeKind, str, str]] = field(default_factory=list)
    archived: dict[str, Example] = field(default_factory=dict)

    def datasets(self) -> list[Dataset]:
        return [self.get_dataset(domain) for domain in sorted(self.described)]

    def get_dataset(self, domain: str) -> Dataset:
        if domain not in self.described:
            raise DatasetNotFound("model")
        count = sum(each.domain == domain for each in self.examples.values())
        archived = sum(each.domain == domain for each in self.archived.values())
        return replace(self.described[domain], example_count=count, archived_count=archived)

    def create_dataset(self, dataset: Dataset) -> Dataset:
        if dataset.domain in self.described:
            raise DatasetExists("model")
        self.described[dataset.domain] = replace(dataset, example_count=0)
        return self.get_dataset(dataset.domain)

    def update_dataset(self, domain: str, edit: DatasetEdit, now: float) -> Dataset:
        old = self.get_dataset(domain)
        given = {name: value for name, value in asdict(edit).items() if value is not None}
        self.described[domain] = replace(old, update_time=now, **given)
        if edit.analyser not in {None, old.analyser}:
            for example in [each for each in self.examples.values() if each.domain == domain]:
                self.changes.append((ChangeKind.UPDATED, example.id, domain))
        return self.get_dataset(domain)

    def delete_dataset(self, domain: str, *, force: bool) -> int:
        there = self.get_dataset(domain)
        held = there.example_count
        if (held or there.archived_count) and not force:
            raise DatasetNotEmpty("model")
        self.archived = {id_: each for id_, each in self.archived.items() if each.domain != domain}
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
        example = self.examples[example_id]
        return replace(example, analyser=self.described[example.domain].analyser)

    def all_examples(self) -> dict[str, Example]:
        return {example_id: self.get_example(example_id) for example_id in self.examples}

    def delete_example(self, example_id: str) -> None:
        gone = self.get_example(example_id)
        del self.examples[example_id]
        self.changes.append((ChangeKind.DELETED, example_id, gone.domain))

    def archive(self, ids: Sequence[str] | None, domain: str, after: str, limit: int) -> Moved:
        chosen = _chosen(self.examples, ids, domain, after, limit)
        for example_id in chosen:
            self._archive(example_id)
        return Moved(len(chosen), 0, chosen[-1] if len(chosen) == limit else "")

    def restore(self, ids: Sequence[str] | None, domain: str, after: str, limit: int, now: float) -> Moved:
        chosen = _chosen(self.archived, ids, domain, after, limit)
        moved = 0
        for example_id in chosen:
            example = self.archived.pop(example_id)
            if self._insert(replace(example, update_time=now)).duplicate:
                self.archived[example_id] = example
            else:
                moved += 1
        return Moved(moved, len(chosen) - moved, chosen[-1] if len(chosen) == limit else "")

    def rotate(self, domain: str, limit: int, now: float) -> int:
        if domain not in self.described:
            return 0
        rule = self.get_dataset(domain)
        held = (each for each in self.examples.values() if each.domain == domain)
        oldest = sorted(held, key=lambda each: (each.update_time, each.id))
        aged = [each for each in oldest if each.update_time < now - rule.retention_days * 86_400]
        due = len(aged) if rule.retention_days else 0
        if rule.max_examples:
            due = max(due, len(oldest) - rule.max_examples)
        for example in oldest[: min(due, limit)]:
            self._archive(example.id)
        return min(due, limit)

    def _archive(self, example_id: str) -> None:
        self.archived[example_id] = self.examples[example_id]
        self.delete_example(example_id)

    def _insert(self, example: Example) -> Insertion:
        if example.id in self.examples or example.id in self.archived:
            return Insertion(example.id, duplicate=True)
        for each in self.examples.values():
            if each.content_hash == example.content_hash:
                return Insertion(each.id, duplicate=True)
        self.described.setdefault(example.domain, Dataset(example.domain, "", 0, 0.0, 0.0))
        self.examples[example.id] = example
        self.changes.append((ChangeKind.CREATED, example.id, example.domain))
        return Insertion(example.id, duplicate=False)


def _chosen(
    held: dict[str, Example], ids: Sequence[str] | None, domain: str, after: str, limit: int
) -> list[str]:
    wanted = (each for each in held.values() if ids is None or each.id in ids)
    return sorted(each.id for each in wanted if each.id > after and domain in {"", each.domain})[:limit]
