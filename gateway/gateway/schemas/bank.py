"""Bodies of datasets, examples, search, imports and emotions."""

from typing import Annotated, Any, Final, Literal

import msgspec

from gateway.schemas.times import rfc3339
from mcai.dataset.v1 import bank_pb2, search_pb2

Text = Annotated[str, msgspec.Meta(min_length=1)]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Analyser = Literal["english", "neutral"]
ANALYSERS: Final = {"english": bank_pb2.ANALYSER_ENGLISH, "neutral": bank_pb2.ANALYSER_NEUTRAL}
JsonObject = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]


def no_metadata() -> msgspec.Raw:
    """Returns the empty object."""
    return msgspec.Raw(b"{}")


def absent() -> msgspec.Raw:
    """Returns what stands for a field that was not sent."""
    return msgspec.Raw(b"")


class DatasetBody(msgspec.Struct):
    """A dataset; `retention_days` and `max_examples` 0 keep all, what goes is archived."""

    domain: str
    description: str
    example_count: int
    archived_count: int
    retention_days: int
    max_examples: int
    analyser: str
    create_time: str | None
    update_time: str | None


class DatasetChange(msgspec.Struct):
    """What to change of a dataset; what is absent stays."""

    description: Annotated[str, msgspec.Meta(max_length=2000)] | msgspec.UnsetType = msgspec.UNSET
    retention_days: Days | msgspec.UnsetType = msgspec.UNSET
    max_examples: Count | msgspec.UnsetType = msgspec.UNSET
    analyser: Analyser | msgspec.UnsetType = msgspec.UNSET


class ExampleNames(msgspec.Struct):
    """Which examples of a dataset; none named: all of them."""

    example_ids: Annotated[list[Text], msgspec.Meta(max_length=1_000)] = []


class Archived(msgspec.Struct):
    """Examples that were taken out of search."""

    archived: int


class Restored(msgspec.Struct):
    """Examples that are found again, and those that stay because equal ones are there by now."""

    restored: int
    duplicates: int


class DatasetPage(msgspec.Struct):
    """A page of datasets by name."""

    datasets: list[DatasetBody]
    next_page_token: str


class DatasetStats(msgspec.Struct):
    """How many datasets and examples there are, and the examples of each of the first 1,000 datasets."""

    total_datasets: int
    total_examples: int
    datasets: dict[str, int]


class NewDataset(msgspec.Struct):
    """A dataset to create."""

    domain: Text
    description: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    retention_days: Days = 0
    max_examples: Count = 0
    analyser: Analyser = "english"


class DeletedDataset(msgspec.Struct):
    """What went with a dataset."""

    deleted_examples: int


class ExampleBody(msgspec.Struct):
    """An example; `metadata` is what was imported with it, as it was."""

    id: str
    domain: str
    prompt: str
    response: str
    metadata: JsonObject
    content_hash: str
    create_time: str | None
    update_time: str | None


class ChangedExample(ExampleBody):
    """An example after a change that is "committed" or "journalled"."""

    durability: str


class DeletionReceipt(msgspec.Struct):
    """A deletion that is "journalled": it happens when the store is back."""

    durability: str


class ConflictBody(msgspec.Struct):
    """A journalled change of an example that met another: whether it was kept, and what was given up.

    `lost` is an example, or null for its removal; `lost_time` is when that was written.
    """

    sequence: int
    example_id: str
    domain: str
    journalled_kept: bool
    lost: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["object", "null"]})]
    lost_time: str | None
    create_time: str | None


class ConflictPage(msgspec.Struct):
    """A page of conflicts in the order in which they were found."""

    conflicts: list[ConflictBody]
    next_page_token: str


class ExamplePage(msgspec.Struct):
    """A page of examples in order of id."""

    examples: list[ExampleBody]
    next_page_token: str


class NewExample(msgspec.Struct):
    """An example to create."""

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=16_384)]
    response: Annotated[str, msgspec.Meta(min_length=1, max_length=262_144)]
    metadata: JsonObject = msgspec.field(default_factory=no_metadata)


class ExampleChange(msgspec.Struct):
    """What to change of an example; what is absent stays."""

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=16_384)] | msgspec.UnsetType = msgspec.UNSET
    response: Annotated[str, msgspec.Meta(min_length=1, max_length=262_144)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    metadata: JsonObject = msgspec.field(default_factory=absent)


class CreatedExample(msgspec.Struct):
    """A stored example: "committed" or "journalled", and whether its content was there already."""

    example: ExampleBody
    durability: str
    duplicate: bool


class SearchResult(msgspec.Struct):
    """An example that was found; `snippet` is HTML, escaped, with the found words in <b>."""

    id: str
    domain: str
    prompt: str
    response: str
    score: float
    confidence: float
    snippet: str
    metadata: JsonObject


class SearchResults(msgspec.Struct):
    """What a search found, best first."""

    results: list[SearchResult]


class ImportedRow(msgspec.Struct):
    """One line of an import; a row without a domain takes that of the address."""

    prompt: str
    response: str
    domain: str = ""
    metadata: JsonObject = msgspec.field(default_factory=no_metadata)
    origin: str = ""


class RejectionBody(msgspec.Struct):
    """A row that was not imported, and why."""

    origin: str
    reason: str


class ImportReport(msgspec.Struct):
    """What became of the rows: read = added + duplicates + rejected; the first 1,000 rejections by name."""

    read: int
    added: int
    duplicates: int
    rejected: int
    rejections: list[RejectionBody]


class ImportOutcome(msgspec.Struct):
    """The last line of an import's answer, or all of it."""

    report: ImportReport


class ImportProgress(msgspec.Struct):
    """A line of an import's answer on the way."""

    read: int


class SettledImport(msgspec.Struct):
    """How far an import has come: rows below `next_row` are stored, duplicates or rejected."""

    next_row: int
    added: int
    duplicates: int
    rejected: int
    finished: bool


class EmotionEntry(msgspec.Struct):
    """An entry of the product's own catalogue; the frequencies are not neuroscience."""

    name: str
    frequency_hz: float
    group: str
    band: str


class EmotionCatalogue(msgspec.Struct):
    """The whole catalogue."""

    emotions: list[EmotionEntry]
    note: str = "The frequencies are this product's own catalogue, not established neuroscience."


def dataset_body(dataset: bank_pb2.Dataset) -> DatasetBody:
    """Returns a dataset for a client."""
    return DatasetBody(
        domain=dataset.domain,
        description=dataset.description,
        example_count=dataset.example_count,
        archived_count=dataset.archived_count,
        retention_days=dataset.retention_days,
        max_examples=dataset.max_examples,
        analyser="neutral" if dataset.analyser == bank_pb2.ANALYSER_NEUTRAL else "english",
        create_time=rfc3339(dataset, "create_time"),
        update_time=rfc3339(dataset, "update_time"),
    )


def example_body(example: bank_pb2.Example) -> ExampleBody:
    """Returns an example for a client."""
    return ExampleBody(**_example_fields(example))


def changed_example(example: bank_pb2.Example, durability: str) -> ChangedExample:
    """Returns an example after a change for a client."""
    return ChangedExample(**_example_fields(example), durability=durability)


def conflict_body(conflict: bank_pb2.Conflict) -> ConflictBody:
    """Returns a conflict for a client."""
    return ConflictBody(
        sequence=conflict.sequence,
        example_id=conflict.example_id,
        domain=conflict.domain,
        journalled_kept=conflict.journalled_kept,
        lost=msgspec.Raw(conflict.lost_json.encode()),
        lost_time=rfc3339(conflict, "lost_time"),
        create_time=rfc3339(conflict, "create_time"),
    )


def _example_fields(example: bank_pb2.Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "domain": example.domain,
        "prompt": example.prompt,
        "response": example.response,
        "metadata": raw_object(example.metadata_json),
        "content_hash": example.content_hash,
        "create_time": rfc3339(example, "create_time"),
        "update_time": rfc3339(example, "update_time"),
    }


def search_result(hit: search_pb2.SearchHit) -> SearchResult:
    """Returns a hit for a client."""
    example = hit.example
    return SearchResult(
        id=example.id,
        domain=example.domain,
        prompt=example.prompt,
        response=example.response,
        score=hit.score,
        confidence=hit.confidence,
        snippet=hit.snippet_html,
        metadata=raw_object(example.metadata_json),
    )


def emotion_entry(emotion: bank_pb2.Emotion) -> EmotionEntry:
    """Returns an emotion for a client."""
    return EmotionEntry(emotion.name, emotion.frequency_hz, emotion.group, emotion.band)


def raw_object(text: str) -> msgspec.Raw:
    """Returns a JSON object that a service keeps as text, to be sent as it stands."""
    return msgspec.Raw(text.encode() or b"{}")
