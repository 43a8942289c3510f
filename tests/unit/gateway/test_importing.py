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
    await running.begin("key", "music", 3)
    await running.add(1, line())
    report = await running.finish()

    header, batch = upload.requests
    opening = header.header
    assert (opening.request_id, opening.default_domain, opening.first_row) == ("key", "music", 3)
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


async def test_lines_that_are_no_rows_travel_with_their_reason(running: Import, upload: KeptUpload) -> None:
    """They keep their place in the numbering, so that an import goes on at the right row."""
    for number, text in enumerate((b"rubbish", line(), b'{"prompt": "p"}', line(metadata=3)), 1):
        await running.add(number, text)
    await running.finish()

    assert [row.origin for row in upload.rows] == ["line 1", "line 2", "line 3", "line 4"]
    assert [bool(row.problem) for row in upload.rows] == [True, False, True, True]
    assert all(row.problem.endswith(".") for row in upload.rows if row.problem)
    assert not any("body" in row.problem for row in upload.rows)
