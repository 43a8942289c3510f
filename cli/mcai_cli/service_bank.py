"""A bank over gRPC: a running dataset-svc, or one that is started for as long as the command takes."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from dataset_svc.__main__ import running
from dataset_svc.settings import DatasetSettings
from mcai.dataset.v1 import bank_pb2, dataset_pb2, dataset_pb2_grpc
from mcai_cli.errors import BankAwayError, CommandError
from mcai_cli.layout import DataDirectory
from mcai_cli.ports import Bank, Dataset, Report
from mcai_cli.reading.model import Rejected, Row
from servicekit.channel import open_channel
from servicekit.errors import AWAY, ServiceError, translating
from servicekit.settings import load

CALL_TIMEOUT_SECONDS = 120.0
FIRST_CALL_SECONDS = 10.0
INDEX_SECONDS = 3_600.0
"""What the index of a bank of millions may take to be built for the first time."""
PAGE_ROWS = 1_000


class ServiceBank:
    """A dataset-svc."""

    def __init__(self, stub: "dataset_pb2_grpc.DatasetServiceAsyncStub") -> None:
        self._stub = stub

    async def check(self, address: str) -> None:
        """Raise CommandError unless the service and its store answer."""
        try:
            with translating("dataset-svc"):
                stats = await self._stub.GetStats(bank_pb2.GetStatsRequest(), timeout=FIRST_CALL_SECONDS)
        except ServiceError as error:
            raise CommandError(f"No bank answers at {address}: {error}") from error
        if not stats.store_available:
            raise CommandError(f"The database of the bank at {address} does not answer; try again later.")

    async def next_row(self, request_id: str) -> int:
        """Ask the service."""
        with _told():
            progress = await self._stub.GetImport(bank_pb2.GetImportRequest(request_id=request_id))
        return progress.next_row

    async def add(self, request_id: str, first_row: int, batches: AsyncIterator[Sequence[Row]]) -> Report:
        """Stream the rows."""
        header = bank_pb2.ImportHeader(request_id=request_id, first_row=first_row)
        with _told():
            call = self._stub.ImportExamples()
            try:
                await call.write(bank_pb2.ImportExamplesRequest(header=header))
                async for rows in batches:
                    if call.done():
                        break
                    await call.write(bank_pb2.ImportExamplesRequest(rows=map(_import_row, rows)))
                await call.done_writing()
                response = await call
            finally:
                call.cancel()
        return Report(
            read=response.read,
            added=response.added,
            duplicates=response.duplicates,
            rejected=response.rejected,
            rejections=[Rejected(row.origin, row.reason) for row in response.rejections],
        )

    async def datasets(self) -> list[Dataset]:
        """All pages of the list."""
        found: list[Dataset] = []
        token = ""
        while True:
            request = bank_pb2.ListDatasetsRequest(page_size=PAGE_ROWS, page_token=token)
            with _told():
                page = await self._stub.ListDatasets(request)
            found += [
                Dataset(
                    each.domain,
                    each.example_count,
                    each.description,
                    each.retention_days,
                    each.max_examples,
                    each.analyser,
                )
                for each in page.datasets
            ]
            token = page.next_page_token
            if not token:
                return found

    async def create(self, dataset: Dataset) -> None:
        """Create a dataset with its rules."""
        request = bank_pb2.CreateDatasetRequest(
            domain=dataset.domain,
            description=dataset.description,
            retention_days=dataset.retention_days,
            max_examples=dataset.max_examples,
            analyser=bank_pb2.Analyser.ValueType(dataset.analyser),
        )
        with _told():
            await self._stub.CreateDataset(request)

    async def export(self, domain: str) -> AsyncGenerator[list[Row], None]:
        """Read the service's stream."""
        with _told():
            async for batch in self._stub.ExportExamples(bank_pb2.ExportExamplesRequest(domain=domain)):
                yield [
                    Row(each.prompt, each.response, each.id, each.domain, each.metadata_json)
                    for each in batch.examples
                ]


@contextmanager
def _told() -> Iterator[None]:
    try:
        with translating("dataset-svc"):
            yield
    except AWAY as error:
        raise BankAwayError(f"The bank does not answer: {error}") from error
    except ServiceError as error:
        raise CommandError(f"The bank refused: {error}") from error


def _import_row(row: Row) -> bank_pb2.ImportRow:
    return bank_pb2.ImportRow(
        domain=row.domain,
        prompt=row.prompt,
        response=row.response,
        metadata_json=row.metadata_json,
        origin=row.origin,
    )


@asynccontextmanager
async def service_bank(address: str, token: SecretStr | None) -> AsyncIterator[Bank]:
    """The dataset-svc at a gRPC address; raises CommandError when it does not answer."""
    channel = open_channel(
        address,
        services=[dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"]],
        token=token,
        timeout_seconds=CALL_TIMEOUT_SECONDS,
    )
    async with channel:
        bank = ServiceBank(dataset_pb2_grpc.DatasetServiceStub(channel))
        await bank.check(address)
        yield bank


@asynccontextmanager
async def directory_bank(path: Path, *, starter: bool) -> AsyncIterator[Bank]:
    """The bank of the data directory at `path`; raises ConfigurationError when a system runs on it."""
    with DataDirectory.claimed(path) as directory:
        settings = load(
            DatasetSettings,
            **directory.service_settings("dataset"),
            load_starter=starter,
            start_wait_seconds=INDEX_SECONDS,
        )
        async with _started(settings) as bank:
            yield bank


@asynccontextmanager
async def database_bank(url: str) -> AsyncIterator[Bank]:
    """The bank in a PostgreSQL database, served by this process beside whatever else serves it."""
    with TemporaryDirectory(prefix="mcai-") as directory:
        settings = load(
            DatasetSettings,
            listen=f"unix:{directory}/bank.sock",
            metrics_listen=None,
            data_dir=Path(directory),
            database_url=SecretStr(url),
            load_starter=False,
            start_wait_seconds=INDEX_SECONDS,
        )
        async with _started(settings) as bank:
            yield bank


@asynccontextmanager
async def _started(settings: DatasetSettings) -> AsyncIterator[Bank]:
    async with (
        running(settings, CollectorRegistry()) as server,
        service_bank(server.address, settings.service_token) as bank,
    ):
        yield bank
