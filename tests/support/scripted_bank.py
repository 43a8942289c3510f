"""A dataset-svc that serves nothing but a change feed, which the test writes; for faults of the feed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from mcai.dataset.v1 import bank_pb2, dataset_pb2, dataset_pb2_grpc
from servicekit.errors import OutOfRange, StoreUnavailable
from servicekit.server import GrpcServer, Registration
from servicekit.settings import ServiceSettings

FULL_NAME = dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"].full_name


class ScriptedBank(dataset_pb2_grpc.DatasetServiceServicer):
    """The feed of a bank.

    Attributes:
        oldest: Sequence of the oldest change that the feed still holds.
        head: Sequence of the newest.
        followed_from: Where readers began to follow, in order.
    """

    def __init__(self, head: int = 0) -> None:
        self.changes: list[bank_pb2.Change] = []
        self.oldest, self.head = 1, head
        self.followed_from: list[int] = []
        self.broken = False
        self._moved = asyncio.Condition()
        self._moves = self._streams = 0

    async def change(
        self, *changes: tuple["bank_pb2.ChangeKind.ValueType", str], domain: str = "faq"
    ) -> None:
        """Commits changes, given the kind and the example of each; its prompt is its id."""
        for kind, example_id in changes:
            self.head += 1
            change = bank_pb2.Change(sequence=self.head, kind=kind, example_id=example_id, domain=domain)
            if kind != bank_pb2.CHANGE_KIND_DELETED:
                change.example.prompt = example_id
            self.changes.append(change)
        await self._move()

    async def break_off(self) -> None:
        """Ends all streams, and refuses new ones until `mend`."""
        self.broken = True
        await self._move()
        async with self._moved:
            await self._moved.wait_for(lambda: self._streams == 0)

    def mend(self) -> None:
        self.broken = False

    def forget_before(self, sequence: int) -> None:
        """Drops the old end of the feed."""
        self.oldest = sequence

    async def GetStats(self, request: bank_pb2.GetStatsRequest, context: Any) -> bank_pb2.GetStatsResponse:  # noqa: ARG002, N802 - gRPC's signature
        return bank_pb2.GetStatsResponse(head_sequence=self.head)

    async def WatchChanges(  # noqa: N802 - gRPC's name
        self,
        request: bank_pb2.WatchChangesRequest,
        context: Any,  # noqa: ARG002 - gRPC's signature
    ) -> AsyncIterator[bank_pb2.WatchChangesResponse]:
        position = request.after_sequence
        self.followed_from.append(position)
        if position + 1 < self.oldest:
            raise OutOfRange("The feed does not go back so far.", reason="RESYNC_REQUIRED")
        self._streams += 1
        try:
            async for response in self._follow(position):
                yield response
        finally:
            self._streams -= 1
            await self._move()

    async def _follow(self, position: int) -> AsyncIterator[bank_pb2.WatchChangesResponse]:
        while not self.broken:
            seen = self._moves
            newer = [change for change in self.changes if change.sequence > position]
            yield bank_pb2.WatchChangesResponse(changes=newer, head_sequence=self.head)
            position = newer[-1].sequence if newer else position
            async with self._moved:
                await self._moved.wait_for(lambda seen=seen: self._moves != seen)  # type: ignore[misc]  # mypy takes the default for a parameter
        raise StoreUnavailable("The store is away.")

    async def _move(self) -> None:
        async with self._moved:
            self._moves += 1
            self._moved.notify_all()


@asynccontextmanager
async def serving(bank: ScriptedBank, directory: Path) -> AsyncIterator[str]:
    """Serves the bank on a socket in `directory`; yields the target."""
    registration = Registration(bank, dataset_pb2_grpc.add_DatasetServiceServicer_to_server, FULL_NAME)
    settings = ServiceSettings(listen=f"unix:{directory}/bank.sock", drain_seconds=0.0)
    async with GrpcServer(settings, "dataset-svc", [registration], [], CollectorRegistry()) as server:
        yield server.address
