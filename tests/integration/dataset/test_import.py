"""Imports over gRPC: streams that break off, come again and go on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mcai.dataset.v1 import bank_pb2
from servicekit.errors import FailedPrecondition, InvalidArgument, translating
from tests.support.dataset_replica import Replica, dataset_replica, import_requests
from tests.support.waiting import eventually

ROWS = [
    bank_pb2.ImportRow(domain="d", prompt=f"What is {number}?", response=str(number), origin=f"f:{number}")
    for number in range(5_000)
]


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    async with dataset_replica(tmp_path) as replica:
        yield replica


def requests(first_row: int = 0, request_id: str = "one") -> Iterator[bank_pb2.ImportExamplesRequest]:
    header = bank_pb2.ImportHeader(request_id=request_id, first_row=first_row)
    yield bank_pb2.ImportExamplesRequest(header=header)
    for first in range(first_row, len(ROWS), 500):
        yield bank_pb2.ImportExamplesRequest(rows=ROWS[first : first + 500])


async def position(replica: Replica, request_id: str = "one") -> bank_pb2.GetImportResponse:
    return await replica.stub.GetImport(bank_pb2.GetImportRequest(request_id=request_id))


async def broken_off(replica: Replica) -> int:
    """Send some of the rows, wait for the first to be settled, and hang up; returns the next row."""

    async def part() -> AsyncIterator[bank_pb2.ImportExamplesRequest]:
        for number, request in enumerate(requests()):
            if number == 8:
                await asyncio.Event().wait()
            yield request

    call = replica.stub.ImportExamples(part())

    async def begun() -> bool:
        return (await position(replica)).next_row > 0

    assert await eventually(begun, 30)
    call.cancel()
    return (await position(replica)).next_row


async def test_a_stream_that_broke_off_goes_on_where_it_stood(replica: Replica) -> None:
    next_row = await broken_off(replica)
    assert 0 < next_row < len(ROWS)
    assert not (await position(replica)).finished

    report = await replica.stub.ImportExamples(requests(first_row=next_row))

    assert (report.read, report.added, report.duplicates, report.rejected) == (5_000, 5_000, 0, 0)
    assert (await position(replica)).finished
    stats = await replica.stats()
    assert (stats.examples, stats.head_sequence, stats.index_documents) == (5_000, 5_000, 5_000)


async def test_a_client_that_cannot_skip_sends_everything_again(replica: Replica) -> None:
    await broken_off(replica)
    report = await replica.stub.ImportExamples(requests())
    assert (report.added, report.duplicates) == (5_000, 0)
    again = await replica.stub.ImportExamples(requests())
    assert again == report
    other = await replica.stub.ImportExamples(requests(request_id="two"))
    assert (other.added, other.duplicates) == (0, 5_000)


async def test_a_stream_may_not_leave_rows_out(replica: Replica) -> None:
    with pytest.raises(FailedPrecondition) as refused, translating("dataset-svc"):
        await replica.stub.ImportExamples(requests(first_row=500))
    assert refused.value.metadata["next_row"] == "0"


async def test_a_domain_that_none_may_have_is_refused_at_once(replica: Replica) -> None:
    with pytest.raises(InvalidArgument) as refused, translating("dataset-svc"):
        await replica.stub.ImportExamples(import_requests([ROWS[:2]], default_domain="../etc"))
    assert refused.value.metadata["field"] == "domain"


async def test_refusals_of_all_streams_are_in_the_report(replica: Replica) -> None:
    def stream(first_row: int, *rows: bank_pb2.ImportRow) -> Iterator[bank_pb2.ImportExamplesRequest]:
        header = bank_pb2.ImportHeader(request_id="bad", default_domain="d", first_row=first_row)
        yield bank_pb2.ImportExamplesRequest(header=header, rows=rows)

    await replica.stub.ImportExamples(stream(0, bank_pb2.ImportRow(response="1", origin="f:1"), ROWS[0]))
    report = await replica.stub.ImportExamples(stream(2, bank_pb2.ImportRow(prompt="1", origin="f:3")))

    assert (report.read, report.added, report.rejected) == (3, 1, 2)
    assert [(each.origin, each.reason) for each in report.rejections] == [
        ("f:1", "prompt is empty."),
        ("f:3", "response is empty."),
    ]


async def test_an_import_survives_its_service(tmp_path: Path) -> None:
    async with dataset_replica(tmp_path) as replica:
        next_row = await broken_off(replica)
    async with dataset_replica(tmp_path) as replica:
        assert (await position(replica)).next_row >= next_row
        report = await replica.stub.ImportExamples(requests(first_row=next_row))
        assert (report.added, report.duplicates) == (5_000, 0)
        assert (await replica.stats()).examples == 5_000
