"""Follows the bank's change feed, so that an answer ends when what it was built on changes.

The place of the feed is kept with the entries (`CacheTier.position`), so a restart goes on where it left
off, and nothing that changed meanwhile is missed. Where the feed cannot go on, everything is forgotten.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import grpc

from knowledge_svc.model import NEGATIVE, Addition, example_label
from knowledge_svc.service import KnowledgeService
from mcai.dataset.v1 import bank_pb2, dataset_pb2_grpc
from servicekit.errors import OutOfRange, PeerUnavailable, ServiceError, translating
from servicekit.logs import get_logger
from servicekit.terms import terms_of

_log = get_logger(__name__)

_PEER: Final = "dataset-svc"
_RETRY_SECONDS: Final = 0.25
# More at once than this may improve any answer of their domains.
_MAX_ADDITIONS: Final = 64
# More labels at once than this and to forget everything is quicker.
_MAX_LABELS: Final = 2_000


def labels_of(changes: Iterable[bank_pb2.Change]) -> dict[str, int]:
    """Returns the labels whose entries the changes end, with the sequence of the last change of each.

    An edit or a deletion ends what was built on the example. After an edit as after an addition, "the bank
    has no answer" may be untrue.
    """
    labels: dict[str, int] = {}
    for change in changes:
        if change.kind != bank_pb2.CHANGE_KIND_CREATED:
            labels[example_label(change.example_id)] = change.sequence
        if change.kind != bank_pb2.CHANGE_KIND_DELETED:
            labels[NEGATIVE] = change.sequence
    return labels


def additions_of(changes: Sequence[bank_pb2.Change]) -> dict[Addition, int]:
    """Returns what the changes put into the bank that was not there, with the sequence of each.

    An edited prompt is as good as a new one. An example that is gone already comes without its text.
    """
    there = [change for change in changes if change.HasField("example")]
    many = len(there) > _MAX_ADDITIONS
    return {
        Addition(change.domain, None if many else terms_of(change.example.prompt)): change.sequence
        for change in there
    }


class BankFeed:
    """Keeps the service in step with dataset-svc, for as long as `run` runs.

    Attributes:
        at_head: Set once the feed was followed to its head.
    """

    def __init__(self, channel: grpc.aio.Channel, service: KnowledgeService) -> None:
        self._stub = dataset_pb2_grpc.DatasetServiceStub(channel)
        self._service = service
        self._sequence: int | None = None
        self.at_head = asyncio.Event()

    async def run(self) -> None:
        """Follows the feed for ever; a lost stream is taken up again where it broke off."""
        self._sequence = await self._service.resume()
        lost = False
        while True:
            try:
                await self._follow()
            except OutOfRange:
                _log.warning("the bank's feed does not go back so far", sequence=self._sequence)
                self._sequence = None
            except ServiceError as error:
                if not lost:
                    _log.warning("the bank's feed is lost", error=str(error))
                lost = True
            else:
                lost = False
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        """Follows one stream until it ends."""
        if self._sequence is None:
            await self._start_at_head()
        request = bank_pb2.WatchChangesRequest(after_sequence=self._sequence or 0)
        with translating(_PEER):
            async for response in self._stub.WatchChanges(request):
                await self._take(response)

    async def _take(self, response: bank_pb2.WatchChangesResponse) -> None:
        self._service.bank_heard()
        if response.changes:
            last = response.changes[-1].sequence
            labels = labels_of(response.changes)
            if len(labels) > _MAX_LABELS:
                await self._service.bank_unknown(last)
            else:
                await self._service.bank_changed(labels, last, additions_of(response.changes))
            self._sequence = last
        elif response.head_sequence < (self._sequence or 0):
            await self._suspect_another_bank()
        if (self._sequence or 0) >= response.head_sequence:
            self.at_head.set()

    async def _suspect_another_bank(self) -> None:
        """A feed that ends before our place is that of a bank which was restored or replaced."""
        if await self._head() < (self._sequence or 0):
            _log.warning("the bank is another one than before", sequence=self._sequence)
            await self._start_at_head()

    async def _start_at_head(self) -> None:
        head = await self._head()
        await self._service.bank_unknown(head)
        self._sequence = head

    async def _head(self) -> int:
        """Sequence that the feed has reached, as the store itself says."""
        with translating(_PEER):
            stats = await self._stub.GetStats(bank_pb2.GetStatsRequest())
        if stats.head_sequence < 0:
            raise PeerUnavailable("The bank's store is away, so nobody knows where its feed stands.")
        return int(stats.head_sequence)
