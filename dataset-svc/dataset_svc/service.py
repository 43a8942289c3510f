"""The bank's use-cases: datasets, examples and search, a method per RPC.

The other ones: conversation_service (what was said), feed_service (changes, export, stats), importing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from dataset_svc.errors import DatasetExists
from dataset_svc.follower import Follower
from dataset_svc.message_size import MESSAGE_BYTES, example_bytes, messages
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.model import (
    Analyser,
    Dataset,
    DatasetEdit,
    Durability,
    EditOutcome,
    Example,
    SearchHit,
    SearchQuery,
)
from dataset_svc.ports import Bank, Catalogue, ExampleIndex, ExampleReads
from dataset_svc.rules import (
    MAX_DESCRIPTION_CHARACTERS,
    checked_domain,
    checked_identifier,
    checked_maximum,
    checked_metadata,
    checked_prompt,
    checked_response,
    checked_retention,
    checked_text,
)
from servicekit import tracing
from servicekit.errors import InvalidArgument, LimitExceeded
from servicekit.identifiers import derived_id
from servicekit.pages import clamp_page_size, encode_token, keyset_position

DATASET_ROWS, MAX_DATASET_ROWS = 100, 1_000
EXAMPLE_ROWS, MAX_EXAMPLE_ROWS = 50, 500
HITS, MAX_HITS = 10, 100
MAX_QUERY_CHARACTERS = 16_384
MAX_QUERIES = 64
MAX_QUERY_DOMAINS = 1_000


class BankService:
    """Writes go to the bank and are then shown by this replica's index; reads come from the index.

    What the fallback journals it shows itself, before the replay can come.
    """

    def __init__(
        self,
        bank: Bank,
        catalogue: Catalogue,
        index: ExampleIndex,
        reads: ExampleReads,
        follower: Follower,
        metrics: DatasetMetrics,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._bank = bank
        self._catalogue = catalogue
        self._index = index
        self._reads = reads
        self._follower = follower
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id

    async def list_datasets(self, page_size: int, page_token: str) -> tuple[list[Dataset], str]:
        """A page of datasets by name, and the token of the next."""
        limit = clamp_page_size(page_size, DATASET_ROWS, MAX_DATASET_ROWS)
        rows = await self._catalogue.list_datasets(keyset_position(page_token, "domain"), limit + 1)
        page = rows[:limit]
        return page, encode_token({"domain": page[-1].domain}) if len(rows) > limit else ""

    async def get_dataset(self, domain: str) -> Dataset:
        """The dataset; raises DatasetNotFound."""
        return await self._catalogue.get_dataset(checked_text("domain", domain, MAX_QUERY_CHARACTERS))

    async def create_dataset(self, domain: str, fields: DatasetEdit, request_id: str) -> Dataset:
        """Add an empty dataset; raises DatasetExists.

        With a request id a dataset that is there already with the same fields is answered instead.
        """
        now = self._clock()
        _check_fields(fields)
        wanted = Dataset(
            domain=checked_domain(domain),
            description=fields.description or "",
            example_count=0,
            create_time=now,
            update_time=now,
            retention_days=fields.retention_days or 0,
            max_examples=fields.max_examples or 0,
            analyser=fields.analyser or Analyser.ENGLISH,
        )
        checked_identifier("request_id", request_id, required=False)
        try:
            return await self._bank.create_dataset(wanted)
        except DatasetExists:
            there = await self._bank.get_dataset(domain)
            # A caller whose first try did arrive asks for what he has got already.
            if request_id and _same_fields(there, wanted):
                return there
            raise

    async def update_dataset(self, domain: str, edit: DatasetEdit) -> Dataset:
        """Change what is given; raises DatasetNotFound."""
        _check_fields(edit)
        checked_text("domain", domain, MAX_QUERY_CHARACTERS)
        dataset = await self._bank.update_dataset(domain, edit, self._clock())
        if edit.analyser is not None:
            await self._follower.catch_up()
        return dataset

    async def delete_dataset(self, domain: str, *, force: bool) -> int:
        """Remove it and return how many examples went too; raises DatasetNotFound or DatasetNotEmpty."""
        deleted = await self._bank.delete_dataset(
            checked_text("domain", domain, MAX_QUERY_CHARACTERS), force=force
        )
        if deleted:
            await self._follower.catch_up()
        return deleted

    async def get_example(self, example_id: str) -> Example:
        """The example; raises ExampleNotFound."""
        return await self._reads.get(checked_identifier("example_id", example_id))

    async def list_examples(self, domain: str, page_size: int, page_token: str) -> tuple[list[Example], str]:
        """A page of examples in order of id, and the token of the next; raises DatasetNotFound.

        A page whose examples are very long has fewer of them than asked for.
        """
        limit = clamp_page_size(page_size, EXAMPLE_ROWS, MAX_EXAMPLE_ROWS)
        checked_text("domain", domain, MAX_QUERY_CHARACTERS)
        after = keyset_position(page_token, "id")
        rows = await self._reads.list(domain, after, limit + 1)
        if domain and not rows:
            await self._catalogue.get_dataset(domain)
        page = next(messages(rows[:limit], example_bytes), [])
        return page, encode_token({"id": page[-1].id}) if len(page) < len(rows) else ""

    async def search(self, queries: Sequence[SearchQuery]) -> tuple[list[list[SearchHit]], int]:
        """Hits per query, best first, and the position that the index had followed to."""
        if len(queries) > MAX_QUERIES:
            raise InvalidArgument(f"A call may have at most {MAX_QUERIES} queries.")
        checked = [_checked_query(query) for query in queries]
        sequence = self._reads.sequence
        with self._metrics.search_seconds.time(), tracing.step("index search"):
            results = await self._reads.search(checked)
        if sum(example_bytes(hit.example) for hits in results for hit in hits) > MESSAGE_BYTES:
            raise LimitExceeded(
                "The examples found are larger than an answer may be; ask for fewer at a time."
            )
        return results, sequence

    async def create_example(
        self, domain: str, prompt: str, response: str, metadata_json: str, request_id: str
    ) -> tuple[Example, Durability, bool]:
        """Store an example: itself or its equal that was there, how safe it is, and whether it was there.

        Equal content is stored once, so a repeated call finds what the first one stored. The example's id is
        derived from a request id: a first call that waits in another replica's journal, its caller not
        knowing of it, is then the same example and not another one.
        """
        checked_identifier("request_id", request_id, required=False)
        now = self._clock()
        example = Example(
            id="",
            domain=checked_domain(domain),
            prompt=checked_prompt(prompt),
            response=checked_response(response),
            metadata_json=checked_metadata(metadata_json),
            create_time=now,
            update_time=now,
        )
        id_ = derived_id(request_id, example.content_hash) if request_id else self._new_id()
        example = replace(example, id=id_)
        outcome = await self._bank.insert_examples([example])
        (insertion,) = outcome.insertions
        if insertion.duplicate and outcome.durability is Durability.JOURNALLED:
            return await self._index.get(insertion.id), outcome.durability, True
        if insertion.duplicate:
            return await self._bank.get_example(insertion.id), outcome.durability, True
        if outcome.durability is Durability.COMMITTED:
            await self._index.apply_local([example], [])
        return example, outcome.durability, False

    async def update_example(
        self, example_id: str, prompt: str | None, response: str | None, metadata_json: str | None
    ) -> EditOutcome:
        """Change what is given; raises ExampleNotFound, or ExampleExists if it would equal another."""
        outcome = await self._bank.update_example(
            checked_identifier("example_id", example_id),
            prompt=None if prompt is None else checked_prompt(prompt),
            response=None if response is None else checked_response(response),
            metadata_json=None if metadata_json is None else checked_metadata(metadata_json),
            now=self._clock(),
        )
        if outcome.durability is Durability.COMMITTED:
            await self._index.apply_local([outcome.example], [])
        return outcome

    async def delete_example(self, example_id: str) -> Durability:
        """Remove it; raises ExampleNotFound."""
        checked_identifier("example_id", example_id)
        durability = await self._bank.delete_example(example_id)
        if durability is Durability.COMMITTED:
            await self._index.apply_local([], [example_id])
        return durability


def _check_fields(edit: DatasetEdit) -> None:
    if edit.description is not None:
        checked_text("description", edit.description, MAX_DESCRIPTION_CHARACTERS)
    if edit.retention_days is not None:
        checked_retention(edit.retention_days)
    if edit.max_examples is not None:
        checked_maximum(edit.max_examples)


def _checked_query(query: SearchQuery) -> SearchQuery:
    if not query.text:
        raise InvalidArgument("query is empty.", metadata={"field": "query"})
    if len(query.domains) > MAX_QUERY_DOMAINS:
        raise InvalidArgument(f"A query may name at most {MAX_QUERY_DOMAINS:,} domains.")
    if query.limit < 0:
        raise InvalidArgument("limit must not be negative.", metadata={"field": "limit"})
    checked_text("query", query.text, MAX_QUERY_CHARACTERS)
    return replace(query, limit=min(query.limit or HITS, MAX_HITS))


def _same_fields(one: Dataset, other: Dataset) -> bool:
    return (one.description, one.retention_days, one.max_examples, one.analyser) == (
        other.description,
        other.retention_days,
        other.max_examples,
        other.analyser,
    )
