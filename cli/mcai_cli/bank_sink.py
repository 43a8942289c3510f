"""A sink straight into a data directory: it starts the bank on it for as long as the import takes."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from dataset_svc.__main__ import running
from mcai.dataset.v1 import bank_pb2, dataset_pb2, dataset_pb2_grpc
from mcai_cli.layout import DataDirectory
from mcai_cli.reading.model import Rejected, Row
from mcai_cli.sinks import Report, Sink
from servicekit.channel import open_channel
from servicekit.errors import translating

IMPORT_TIMEOUT_SECONDS = 120.0


class BankSink:
    """Streams rows into a dataset-svc."""

    def __init__(self, stub: "dataset_pb2_grpc.DatasetServiceAsyncStub") -> None:
        self._stub = stub

    async def send(self, rows: Sequence[Row]) -> Report:
        """Import one batch."""
        with translating("dataset-svc"):
            response = await self._stub.ImportExamples(_requests(rows), timeout=IMPORT_TIMEOUT_SECONDS)
        return Report(
            read=response.read,
            added=response.added,
            duplicates=response.duplicates,
            rejected=response.rejected,
            rejections=[Rejected(row.origin, row.reason) for row in response.rejections],
        )


def _requests(rows: Sequence[Row]) -> Iterator[bank_pb2.ImportExamplesRequest]:
    yield bank_pb2.ImportExamplesRequest(header=bank_pb2.ImportHeader())
    yield bank_pb2.ImportExamplesRequest(
        rows=[
            bank_pb2.ImportRow(
                domain=row.domain,
                prompt=row.prompt,
                response=row.response,
                metadata_json=row.metadata_json,
                origin=row.origin,
            )
            for row in rows
        ]
    )


@asynccontextmanager
async def bank_sink(path: Path) -> AsyncIterator[Sink]:
    """A sink into the data directory at `path`; raises ConfigurationError when a system runs on it."""
    with DataDirectory.claimed(path) as directory:
        async with running(directory.dataset_settings(), CollectorRegistry()) as server:
            channel = open_channel(
                server.address,
                services=[dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"]],
                token=None,
                timeout_seconds=IMPORT_TIMEOUT_SECONDS,
            )
            async with channel:
                yield BankSink(dataset_pb2_grpc.DatasetServiceStub(channel))
