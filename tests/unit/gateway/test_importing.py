"""An import's batches and its report, over an upload that keeps what it is sent."""

import json
from typing import Any, cast

import pytest

from gateway import importing
from gateway.importing import Import, ImportUpload
from mcai.dataset.v1 import bank_pb2


class KeptUpload:
    """Takes everything; the service rejects nothing."""

    def __init__(self) -> None:
        self.requests: list[bank_pb2.ImportExamplesRequest] = []

    @property
    def rows(self) -> list[bank_pb2.ImportRow]:
        return [row for request in self.requests for row in request.rows]

    async def send(self, request: bank_pb2.ImportExamplesRequest) -> None:
        self.requests.append(request)

    async def finish(self) -> bank_pb2.ImportExamplesResponse:
        return bank_pb2.ImportExamplesResponse(read=len(self.rows), added=len(self.rows))


@pytest.fixture
def upload() -> KeptUpload:
    return KeptUpload()


@pytest.fixture
def running(upload: KeptUpload) -> Import:
    return Import(cast("ImportUpload", upload))


def line(**row: Any) -> bytes:
    return json.dumps({"prompt": "p", "response": "r", **row}).encode()


async def test_the_header_comes_first(running: Import, upload: KeptUpload) -> None:
    await running.begin("key", "music")
    await running.add(1, line())
    report = await running.finish()

    header, batch = upload.requests
    assert (header.header.request_id, header.header.default_domain) == ("key", "music")
    assert [row.origin for row in batch.rows] == ["line 1"]
    assert (report.read, report.added, report.rejected) == (1, 1, 0)


async def test_batches_are_bounded_in_rows_and_in_bytes(running: Import, upload: KeptUpload) -> None:
    for number in range(2 * importing.MAX_BATCH_ROWS):
        await running.add(number, line())
    large = line(response="x" * (importing.MAX_BATCH_BYTES // 3))
    for number in range(7):
        await running.add(number, large)
    await running.finish()

    assert [len(request.rows) for request in upload.requests] == [500, 500, 4, 3] or [
        len(request.rows) for request in upload.requests
    ] == [500, 500, 3, 3, 1]
    assert max(request.ByteSize() for request in upload.requests) < 4 * importing.MAX_BATCH_BYTES


async def test_metadata_travels_as_it_was_written(running: Import, upload: KeptUpload) -> None:
    await running.add(1, b'{"prompt":"p","response":"r","metadata":{"n":1.50, "z":[ 1e3 ]},"other":true}')
    await running.finish()

    assert upload.rows[0].metadata_json == '{"n":1.50, "z":[ 1e3 ]}'


async def test_lines_that_are_no_rows_are_counted_and_named(running: Import, upload: KeptUpload) -> None:
    for number, text in enumerate((b"rubbish", line(), b'{"prompt": "p"}', line(metadata=3)), 1):
        await running.add(number, text)
    report = await running.finish()

    assert len(upload.rows) == 1
    assert (report.read, report.added, report.rejected) == (4, 1, 3)
    assert [each.origin for each in report.rejections] == ["line 1", "line 3", "line 4"]
    assert all(each.reason.endswith(".") for each in report.rejections)
    assert not any("body" in each.reason for each in report.rejections)


async def test_only_the_first_thousand_rejections_are_named(running: Import) -> None:
    for number in range(importing.MAX_REJECTIONS + 5):
        await running.add(number, b"rubbish")
    report = await running.finish()

    assert report.rejected == importing.MAX_REJECTIONS + 5
    assert len(report.rejections) == importing.MAX_REJECTIONS
