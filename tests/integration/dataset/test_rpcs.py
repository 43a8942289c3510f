"""Every RPC of the bank over the wire, on SQLite."""

import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import message_factory

from mcai.dataset.v1 import bank_pb2, dataset_pb2, search_pb2
from servicekit.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    LimitExceeded,
    NotFound,
    OutOfRange,
    translating,
)
from tests.support.dataset_replica import Replica, dataset_replica, import_requests


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    async with dataset_replica(tmp_path) as running:
        yield running


async def last_of(stream: AsyncIterable[object]) -> object:
    last: object = None
    async for each in stream:
        last = each
    return last


async def test_an_example_lives_and_each_step_is_seen_by_search_at_once(replica: Replica) -> None:
    created = await replica.stub.CreateExample(
        bank_pb2.CreateExampleRequest(
            domain="optics", prompt="What is light?", response="A wave.", metadata_json='{"a": 1}'
        )
    )
    assert (created.durability, created.duplicate) == (bank_pb2.DURABILITY_COMMITTED, False)
    assert [hit.example for hit in await replica.search("light")] == [created.example]
    assert created.example.metadata_json == '{"a": 1}'
    assert len(created.example.content_hash) == len(hashlib.sha256().hexdigest())

    got = await replica.stub.GetExample(bank_pb2.GetExampleRequest(example_id=created.example.id))
    assert got.example == created.example

    updated = await replica.stub.UpdateExample(
        bank_pb2.UpdateExampleRequest(example_id=created.example.id, prompt="What is a photon?")
    )
    assert updated.example.response == "A wave."
    assert await replica.search("light") == []
    assert [hit.example for hit in await replica.search("photon")] == [updated.example]

    await replica.stub.DeleteExample(bank_pb2.DeleteExampleRequest(example_id=created.example.id))
    assert await replica.search("photon") == []
    with pytest.raises(NotFound), translating("dataset-svc"):
        await replica.stub.GetExample(bank_pb2.GetExampleRequest(example_id=created.example.id))


async def test_equal_content_is_stored_once_a_domain(replica: Replica) -> None:
    first = await replica.add("optics", "What is light?", "A wave.")
    again = await replica.add("optics", "What is light?", "A wave.")
    elsewhere = await replica.add("physics", "What is light?", "A wave.")

    assert (again.duplicate, again.example) == (True, first.example)
    assert not elsewhere.duplicate
    assert len(await replica.search("light")) == 2


async def test_a_dataset_lives(replica: Replica) -> None:
    request = bank_pb2.CreateDatasetRequest(domain="R&D", description="Plans.", request_id="r1")
    created = (await replica.stub.CreateDataset(request)).dataset
    assert (await replica.stub.CreateDataset(request)).dataset == created, "the same request again"
    with pytest.raises(AlreadyExists), translating("dataset-svc"):
        await replica.stub.CreateDataset(bank_pb2.CreateDatasetRequest(domain="R&D"))

    await replica.stub.UpdateDataset(
        bank_pb2.UpdateDatasetRequest(domain="R&D", description="Better plans.", retention_days=30)
    )
    await replica.add("R&D", "What next?", "A nap.")
    dataset = (await replica.stub.GetDataset(bank_pb2.GetDatasetRequest(domain="R&D"))).dataset
    assert (dataset.description, dataset.retention_days, dataset.example_count) == ("Better plans.", 30, 1)

    with pytest.raises(FailedPrecondition), translating("dataset-svc"):
        await replica.stub.DeleteDataset(bank_pb2.DeleteDatasetRequest(domain="R&D"))
    deleted = await replica.stub.DeleteDataset(bank_pb2.DeleteDatasetRequest(domain="R&D", force=True))
    assert deleted.deleted_examples == 1
    assert await replica.search("next") == []
    with pytest.raises(NotFound), translating("dataset-svc"):
        await replica.stub.GetDataset(bank_pb2.GetDatasetRequest(domain="R&D"))


async def test_datasets_come_in_pages_by_name(replica: Replica) -> None:
    names = [f"domain {number:02}" for number in range(7)]
    for name in reversed(names):
        await replica.stub.CreateDataset(bank_pb2.CreateDatasetRequest(domain=name))
    seen, token = [], ""
    while True:
        page = await replica.stub.ListDatasets(bank_pb2.ListDatasetsRequest(page_size=3, page_token=token))
        seen += [dataset.domain for dataset in page.datasets]
        token = page.next_page_token
        if not token:
            break

    assert seen == names


async def test_examples_come_in_pages_and_a_token_of_another_list_is_refused(replica: Replica) -> None:
    added = [(await replica.add("numbers", f"What is {number}?", "A number.")).example for number in range(5)]
    await replica.add("letters", "What is A?", "A letter.")
    seen, token = [], ""
    while True:
        page = await replica.stub.ListExamples(
            bank_pb2.ListExamplesRequest(domain="numbers", page_size=2, page_token=token)
        )
        seen += list(page.examples)
        token = page.next_page_token
        if not token:
            break
        with pytest.raises(InvalidArgument), translating("dataset-svc"):
            await replica.stub.ListDatasets(bank_pb2.ListDatasetsRequest(page_token=token))

    assert seen == added
    everything = await replica.stub.ListExamples(bank_pb2.ListExamplesRequest())
    assert len(everything.examples) == 6


async def test_an_empty_dataset_has_an_empty_page_and_an_unknown_one_none(replica: Replica) -> None:
    await replica.stub.CreateDataset(bank_pb2.CreateDatasetRequest(domain="empty"))

    assert not (await replica.stub.ListExamples(bank_pb2.ListExamplesRequest(domain="empty"))).examples
    for domain in ("unknown", "../etc"):
        with pytest.raises(NotFound), translating("dataset-svc"):
            await replica.stub.ListExamples(bank_pb2.ListExamplesRequest(domain=domain))
        with pytest.raises(NotFound), translating("dataset-svc"):
            await replica.stub.GetDataset(bank_pb2.GetDatasetRequest(domain=domain))


async def test_many_searches_share_a_call(replica: Replica) -> None:
    await replica.add("optics", "What is light?", "A wave.")
    queries = [search_pb2.SearchQuery(query=text) for text in ("light", "nothing of it", "wave")]
    answer = await replica.stub.BatchSearch(search_pb2.BatchSearchRequest(queries=queries))

    assert [len(result.hits) for result in answer.results] == [1, 0, 1]
    assert answer.index_sequence >= 0


async def test_an_export_has_everything_once_and_long_answers_too(replica: Replica) -> None:
    rows = [bank_pb2.ImportRow(prompt=f"What is {number}?", response="x" * 250_000) for number in range(50)]
    await replica.stub.ImportExamples(import_requests([rows[:25], rows[25:]], "long"))
    exported: list[bank_pb2.Example] = []
    async for message in replica.stub.ExportExamples(bank_pb2.ExportExamplesRequest(domain="long")):
        exported += message.examples

    assert [each.prompt for each in exported] == [row.prompt for row in rows]
    with pytest.raises(NotFound), translating("dataset-svc"):
        await replica.stub.ExportExamples(bank_pb2.ExportExamplesRequest(domain="unknown")).read()
    page = await replica.stub.ListExamples(bank_pb2.ListExamplesRequest(domain="long"))
    assert 0 < len(page.examples) < 50
    assert page.next_page_token
    with pytest.raises(LimitExceeded), translating("dataset-svc"):
        await replica.search("what", limit=50)


async def test_the_change_feed_tells_everything_in_order(replica: Replica) -> None:
    created = (await replica.add("optics", "What is light?", "A wave.")).example
    feed = replica.stub.WatchChanges(bank_pb2.WatchChangesRequest(after_sequence=0))
    await replica.stub.DeleteExample(bank_pb2.DeleteExampleRequest(example_id=created.id))
    await replica.add("optics", "What is dark?", "No wave.")
    changes: list[bank_pb2.Change] = []
    async for message in feed:
        changes += message.changes
        if len(changes) == 3:
            break
    feed.cancel()

    assert [change.sequence for change in changes] == [1, 2, 3]
    assert [change.kind for change in changes] == [
        bank_pb2.CHANGE_KIND_CREATED,
        bank_pb2.CHANGE_KIND_DELETED,
        bank_pb2.CHANGE_KIND_CREATED,
    ]


async def test_a_reader_beyond_the_feed_is_told_to_resynchronise(replica: Replica) -> None:
    with pytest.raises(OutOfRange) as refusal, translating("dataset-svc"):
        await last_of(replica.stub.WatchChanges(bank_pb2.WatchChangesRequest(after_sequence=99)))

    assert refusal.value.reason == "RESYNC_REQUIRED"


async def test_an_import_counts_and_says_why_it_refused(replica: Replica) -> None:
    rows = [
        bank_pb2.ImportRow(prompt="one?", response="1", origin="a:1", metadata_json='{"k": [1]}'),
        bank_pb2.ImportRow(prompt="one?", response="1", origin="a:2"),
        bank_pb2.ImportRow(prompt="", response="1", origin="a:3"),
        bank_pb2.ImportRow(prompt="two?", response="2", origin="a:4", domain="own"),
        bank_pb2.ImportRow(prompt="three?", response="3", origin="a:5", metadata_json="[]"),
        bank_pb2.ImportRow(prompt="four?", response="4", origin="a:6", domain="../etc"),
    ]
    report = await replica.stub.ImportExamples(import_requests([rows[:2], [], rows[2:]], "default"))

    assert (report.read, report.added, report.duplicates, report.rejected) == (6, 2, 1, 3)
    assert [(row.origin, row.reason.split()[0]) for row in report.rejections] == [
        ("a:3", "prompt"),
        ("a:5", "metadata"),
        ("a:6", "domain"),
    ]
    [hit] = await replica.search("one")
    assert (hit.example.domain, json.loads(hit.example.metadata_json)) == ("default", {"k": [1]})
    assert [hit.example.domain for hit in await replica.search("two")] == ["own"]


@pytest.mark.parametrize(
    "requests",
    [
        [bank_pb2.ImportExamplesRequest(rows=[bank_pb2.ImportRow()])],
        [bank_pb2.ImportExamplesRequest(header=bank_pb2.ImportHeader())] * 2,
        [bank_pb2.ImportExamplesRequest(header=bank_pb2.ImportHeader(), rows=[bank_pb2.ImportRow()] * 1_001)],
    ],
)
async def test_an_import_out_of_form_is_refused(
    replica: Replica, requests: list[bank_pb2.ImportExamplesRequest]
) -> None:
    with pytest.raises(InvalidArgument), translating("dataset-svc"):
        await replica.stub.ImportExamples(iter(requests))


async def test_an_empty_import_is_an_empty_report(replica: Replica) -> None:
    assert await replica.stub.ImportExamples(iter([])) == bank_pb2.ImportExamplesResponse()


async def test_the_emotions_are_all_there(replica: Replica) -> None:
    emotions = (await replica.stub.ListEmotions(bank_pb2.ListEmotionsRequest())).emotions

    assert len(emotions) == 36
    assert [(each.frequency_hz, each.band) for each in emotions if each.name == "joy"] == [(11.0, "alpha")]


async def test_the_stats_add_up(replica: Replica) -> None:
    await replica.add("optics", "What is light?", "A wave.")
    await replica.add("music", "What is a tone?", "A wave too.")
    stats = await replica.stats()

    assert (stats.datasets, stats.examples, stats.index_documents) == (2, 2, 2)
    assert (stats.store, stats.store_available, stats.journalled) == ("sqlite", True, 0)
    assert stats.head_sequence == 2
    assert stats.index_bytes > 0


async def test_what_is_archived_is_not_found_and_comes_back(replica: Replica) -> None:
    kept, gone = (
        await replica.add("optics", "What is light?", "A wave."),
        await replica.add("optics", "x", "y"),
    )
    request = bank_pb2.ArchiveExamplesRequest(example_ids=[gone.example.id, "unknown"])
    assert (await replica.stub.ArchiveExamples(request)).archived == 1
    assert (await replica.stub.ArchiveExamples(request)).archived == 0
    listed = await replica.stub.ListExamples(bank_pb2.ListExamplesRequest())
    archived = await replica.stub.ListExamples(bank_pb2.ListExamplesRequest(archived=True))
    assert [each.id for each in listed.examples] == [kept.example.id]
    assert [each.id for each in archived.examples] == [gone.example.id]
    back = await replica.stub.RestoreExamples(bank_pb2.RestoreExamplesRequest(domain="optics"))
    assert (back.restored, back.duplicates) == (1, 0)
    assert (await replica.search("x", limit=1))[0].example.id == gone.example.id


async def test_what_an_equal_example_has_replaced_stays_archived(replica: Replica) -> None:
    await replica.add("optics", "What is light?", "A wave.")
    await replica.stub.ArchiveExamples(bank_pb2.ArchiveExamplesRequest(domain="optics"))
    await replica.add("optics", "What is light?", "A wave.")
    back = await replica.stub.RestoreExamples(bank_pb2.RestoreExamplesRequest(domain="optics"))
    assert (back.restored, back.duplicates) == (0, 1)


@pytest.mark.parametrize("method", ["ArchiveExamples", "RestoreExamples"])
async def test_neither_ids_nor_a_domain_is_refused(replica: Replica, method: str) -> None:
    with pytest.raises(InvalidArgument), translating("dataset-svc"):
        await getattr(replica.stub, method)(getattr(bank_pb2, f"{method}Request")())


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("CreateExample", bank_pb2.CreateExampleRequest(domain="a", prompt="", response="b")),
        ("CreateExample", bank_pb2.CreateExampleRequest(domain="a", prompt="b\0", response="b")),
        ("CreateExample", bank_pb2.CreateExampleRequest(domain="a/b", prompt="a", response="b")),
        ("UpdateExample", bank_pb2.UpdateExampleRequest(example_id="x", response=" ")),
        ("UpdateExample", bank_pb2.UpdateExampleRequest(example_id="", response="y")),
        ("GetExample", bank_pb2.GetExampleRequest(example_id="x" * 129)),
        ("CreateDataset", bank_pb2.CreateDatasetRequest(domain="a", description="x" * 2_001)),
        ("CreateDataset", bank_pb2.CreateDatasetRequest(domain="a", retention_days=-1)),
        ("UpdateDataset", bank_pb2.UpdateDatasetRequest(domain="a", retention_days=1_000_000)),
        ("ListDatasets", bank_pb2.ListDatasetsRequest(page_size=-1)),
        ("ListExamples", bank_pb2.ListExamplesRequest(page_token="rubbish")),
        ("SearchExamples", search_pb2.SearchExamplesRequest()),
        (
            "SearchExamples",
            search_pb2.SearchExamplesRequest(query=search_pb2.SearchQuery(query="x" * 16_385)),
        ),
        (
            "SearchExamples",
            search_pb2.SearchExamplesRequest(query=search_pb2.SearchQuery(query="a", limit=-1)),
        ),
        ("BatchSearch", search_pb2.BatchSearchRequest(queries=[search_pb2.SearchQuery(query="a")] * 65)),
    ],
)
async def test_bad_input_is_refused_with_a_sentence(
    replica: Replica, method: str, request_message: object
) -> None:
    with pytest.raises(InvalidArgument) as refusal, translating("dataset-svc"):
        await getattr(replica.stub, method)(request_message)

    assert refusal.value.message.endswith(".")


async def test_every_rpc_of_the_contract_is_served(replica: Replica) -> None:
    service = dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"]
    for method in service.methods:
        call = getattr(replica.stub, method.name)
        empty = message_factory.GetMessageClass(method.input_type)()
        code = grpc.StatusCode.OK
        try:
            if method.server_streaming:
                async for _ in call(empty):
                    break
            else:
                await call(iter([]) if method.client_streaming else empty)
        except grpc.aio.AioRpcError as error:
            code = error.code()
        assert code in {
            grpc.StatusCode.OK,
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.UNIMPLEMENTED,
        }, method.name
