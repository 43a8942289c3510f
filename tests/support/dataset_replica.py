"""A dataset-svc as its composition root runs it, in the test's own loop, and a client of it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from dataset_svc.__main__ import running
from dataset_svc.settings import DatasetSettings
from mcai.dataset.v1 import bank_pb2, dataset_pb2, dataset_pb2_grpc, search_pb2
from servicekit.channel import open_channel
from servicekit.server import GrpcServer
from servicekit.settings import load

CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Replica:
    """A running replica and a client of it."""

    server: GrpcServer
    stub: "dataset_pb2_grpc.DatasetServiceAsyncStub"

    async def search(self, text: str, **fields: Any) -> list[search_pb2.SearchHit]:
        """The hits of one search."""
        query = search_pb2.SearchQuery(query=text, **fields)
        return list((await self.stub.SearchExamples(search_pb2.SearchExamplesRequest(query=query))).hits)

    async def add(self, domain: str, prompt: str, response: str) -> bank_pb2.CreateExampleResponse:
        """Create an example."""
        return await self.stub.CreateExample(
            bank_pb2.CreateExampleRequest(domain=domain, prompt=prompt, response=response)
        )

    async def stats(self) -> bank_pb2.GetStatsResponse:
        """The replica's own measure."""
        return await self.stub.GetStats(bank_pb2.GetStatsRequest())


@asynccontextmanager
async def dataset_replica(data_dir: Path, **settings: Any) -> AsyncIterator[Replica]:
    """A replica on `data_dir`, by default with SQLite and without the starter bank."""
    chosen = {"listen": f"unix:{data_dir}/dataset.sock", "load_starter": False, "data_dir": data_dir}
    async with running(load(DatasetSettings, **(chosen | settings)), CollectorRegistry()) as server:
        channel = open_channel(
            server.address,
            services=[dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"]],
            token=None,
            timeout_seconds=CALL_SECONDS,
            only_serving=False,
        )
        async with channel:
            yield Replica(server, dataset_pb2_grpc.DatasetServiceStub(channel))


def import_requests(
    batches: Sequence[Sequence[bank_pb2.ImportRow]], default_domain: str = ""
) -> Iterator[bank_pb2.ImportExamplesRequest]:
    """The messages of an import."""
    yield bank_pb2.ImportExamplesRequest(header=bank_pb2.ImportHeader(default_domain=default_domain))
    for rows in batches:
        yield bank_pb2.ImportExamplesRequest(rows=rows)
