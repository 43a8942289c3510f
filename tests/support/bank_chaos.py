"""Two replicas of dataset-svc on one volume, as processes, and a PostgreSQL; all of them can be killed."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mcai.dataset.v1 import bank_pb2, dataset_pb2, dataset_pb2_grpc
from servicekit.channel import open_channel
from servicekit.errors import ServiceError, translating
from tests.support.killable import KillablePostgres, KillableProcess, python_process
from tests.support.waiting import eventually

CALL_SECONDS = 5.0
START_SECONDS = 60.0


@dataclass(slots=True)
class KillableReplica:
    """A replica, a client of it alone, and how often it was killed."""

    address: str
    process: KillableProcess
    stub: "dataset_pb2_grpc.DatasetServiceAsyncStub"
    kills: int = field(default=0)

    async def kill(self) -> None:
        """Ends it by SIGKILL."""
        self.kills += 1
        await self.process.end()

    async def start(self) -> None:
        """Starts it, and waits until it answers."""
        await self.process.start()
        await eventually(self.stats, START_SECONDS)

    async def stats(self) -> bank_pb2.GetStatsResponse | None:
        """Its own measure; None while it does not answer."""
        try:
            with translating("dataset-svc"):
                return await self.stub.GetStats(bank_pb2.GetStatsRequest())
        except ServiceError:
            return None

    async def examples(self) -> dict[str, bank_pb2.Example]:
        """What it exports, which is what its index holds."""
        request = bank_pb2.ExportExamplesRequest()
        batches = [batch async for batch in self.stub.ExportExamples(request)]
        return {each.id: each for batch in batches for each in batch.examples}

    async def settled(self) -> bool:
        """Whether nothing waits for the store, and its index has followed all of the feed."""
        stats = await self.stats()
        return (
            stats is not None
            and stats.store_available
            and stats.journalled == 0
            and stats.index_sequence == stats.head_sequence
        )


@dataclass(frozen=True, slots=True)
class BankHouse:
    """The replicas and their database; logs and the shared volume are in `directory`."""

    postgres: KillablePostgres
    replicas: list[KillableReplica]
    url: str
    directory: Path
    _sockets: Path
    _stack: AsyncExitStack

    async def add_replica(self) -> KillableReplica:
        """One more replica, which is not started yet."""
        number = len(self.replicas)
        address = f"unix:{self._sockets}/{number}.sock"
        environment = {
            "MCAI_DATABASE_URL": self.url,
            "MCAI_DATA_DIR": str(self.directory / "volume"),
            "MCAI_LISTEN": address,
            "MCAI_LOAD_STARTER": "false",
            "MCAI_START_WAIT_SECONDS": "0",
        }
        process = python_process("dataset_svc", self.directory / f"replica{number}.log", environment)
        self._stack.push_async_callback(process.end)
        channel = open_channel(
            address,
            services=[dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"]],
            token=None,
            timeout_seconds=CALL_SECONDS,
        )
        stub = dataset_pb2_grpc.DatasetServiceStub(await self._stack.enter_async_context(channel))
        self.replicas.append(KillableReplica(address, process, stub))
        return self.replicas[-1]

    async def kill_postgres(self) -> None:
        """Kills the server and all its sessions."""
        await asyncio.to_thread(self.postgres.kill)

    async def start_postgres(self) -> None:
        """Starts it on the data that it had."""
        await asyncio.to_thread(self.postgres.start)


@asynccontextmanager
async def bank_house(directory: Path, replicas: int = 2) -> AsyncIterator[BankHouse]:
    """Everything started; logs and the shared volume are in `directory`."""
    # A short path: that of a Unix socket may have 107 characters.
    short = Path(tempfile.mkdtemp(prefix="mcai-chaos-"))
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, short, ignore_errors=True)
        postgres = await asyncio.to_thread(KillablePostgres, short / "data")
        stack.callback(postgres.remove)
        url = postgres.server.url(await asyncio.to_thread(postgres.server.create_database))
        house = BankHouse(postgres, [], url, directory, short, stack)
        for _ in range(replicas):
            replica = await house.add_replica()
            await replica.start()
        yield house
