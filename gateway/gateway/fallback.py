"""What the gateway answers while a service is away; this is the gateway's degradation table.

| away                          | what happens                                                            |
|-------------------------------|-------------------------------------------------------------------------|
| knowledge-svc                 | `UncachedRecall`: every question is worked out; nothing is shared       |
| dataset-svc                   | `BankAway`: cached answers go on; else the chat answers 503             |
| knowledge-svc and dataset-svc | `UncachedRecall`: what was answered here before, the `LastAnswers`      |
| dataset-svc, on writing       | `JournalledMemory`: messages and feedback are journalled, replayed once |
| dataset-svc, a named domain   | `KnownDomains`: any domain may exist                                    |
| task-svc                      | `MakersAway`: the chat declines; its routes answer 503 with Retry-After |
| monitor-svc                   | `fallback_system.py`: the gateway asks one replica of each service      |

Each answer that was made without a service names it in `x-mcai-degraded` and in its metadata. A service
that hangs costs its call budget once: after that its breaker refuses, and probes in the background.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from gateway.backends import DatasetMemory, DatasetStub, Peer, append_request
from gateway.chat.model import (
    CacheEntry,
    CacheKey,
    Declined,
    Durability,
    Findings,
    Making,
    Message,
    Recalled,
    Tier,
    Wish,
)
from gateway.chat.ports import Bank, Recall
from gateway.last_answers import LastAnswers
from gateway.makers import TaskMakers
from mcai.dataset.v1 import bank_pb2, conversation_pb2
from servicekit.degrade import Degradation
from servicekit.errors import AWAY, InvalidArgument, LimitExceeded, StoreUnavailable
from servicekit.journal import Entry, Journal

_OWN_LEASE: Final = "own"
_MAX_SEEN_DOMAINS: Final = 1_000
_NOTHING_IS_MADE: Final = (
    "I cannot make pictures or music now: the service that does it is away. Please ask again in a moment."
)

KIND_MESSAGES: Final = "messages"
KIND_FEEDBACK: Final = "feedback"


class UncachedRecall:
    """The Recall port that always answers.

    While knowledge-svc is away every lookup is a miss. What was last answered is given on a miss as stale
    and with a lease, so that the bank is asked first: only while that is away too, the old answer stands.
    """

    def __init__(self, recall: Recall, last: LastAnswers, degradation: Degradation) -> None:
        self._recall = recall
        self._last = last
        self._degradation = degradation

    async def lookup(self, key: CacheKey, *, wait_seconds: float) -> Recalled:
        """Looks in the cache, and where that has nothing among the last answers."""
        try:
            recalled = await self._recall.lookup(key, wait_seconds=wait_seconds)
        except AWAY as error:
            self._degradation.degrade(error)
            recalled = Recalled(lease=_OWN_LEASE)
        else:
            self._degradation.recover()
        if recalled.value is not None:
            self._last.put(key, recalled.value)
            return recalled
        known = self._last.get(key)
        if known is None:
            return recalled
        return Recalled(known, Tier.MEMORY, stale=True, lease=recalled.lease or _OWN_LEASE)

    async def fill(self, key: CacheKey, entry: CacheEntry, *, lease: str) -> bool:
        """Stores among the last answers, and in the cache if that gave the lease."""
        self._last.put(key, entry.value)
        if lease == _OWN_LEASE:
            return False
        try:
            return await self._recall.fill(key, entry, lease=lease)
        except AWAY as error:
            self._degradation.degrade(error)
            return False

    async def release(self, key: CacheKey, *, lease: str) -> None:
        """Gives the lease back; one that cannot be given back runs out by itself."""
        if lease == _OWN_LEASE:
            return
        try:
            await self._recall.release(key, lease=lease)
        except AWAY as error:
            self._degradation.degrade(error)


class BankAway:
    """The Bank port that always answers: while dataset-svc is away a search says so instead of raising."""

    def __init__(self, bank: Bank, degradation: Degradation) -> None:
        self._bank = bank
        self._degradation = degradation

    async def search(self, text: str, domains: Sequence[str], *, limit: int) -> Findings:
        """Searches the bank."""
        try:
            findings = await self._bank.search(text, domains, limit=limit)
        except AWAY as error:
            self._degradation.degrade(error)
            return Findings((), away=True)
        self._degradation.recover()
        return findings


class JournalledMemory:
    """The Memory port that keeps writing: while dataset-svc is away, writes wait in the gateway's journal.

    A write that fits into neither is refused. The journal's entries carry the ids of what they write, so that
    one which was stored just before an outage is not stored again by its replay.

    Args:
        memory: The real one.
        journal: Where writes wait; open.
        degradation: That of dataset-svc.
        max_entries: How many may wait.
    """

    def __init__(
        self, memory: DatasetMemory, journal: Journal, degradation: Degradation, *, max_entries: int
    ) -> None:
        self._memory = memory
        self._journal = journal
        self._degradation = degradation
        self._max_entries = max_entries

    async def remember(self, conversation_id: str, user_id: str, messages: Sequence[Message]) -> Durability:
        """Appends messages, oldest first."""
        request = append_request(conversation_id, user_id, messages)
        try:
            stored = await self._memory.append(request)
        except AWAY as error:
            self._degradation.degrade(error)
            return await self._keep(messages[0].id, KIND_MESSAGES, request.SerializeToString())
        self._degradation.recover()
        return stored

    async def record(self, request: conversation_pb2.RecordFeedbackRequest) -> Durability:
        """Keeps an opinion."""
        try:
            stored = await self._memory.record(request)
        except AWAY as error:
            self._degradation.degrade(error)
            return await self._keep(request.feedback_id, KIND_FEEDBACK, request.SerializeToString())
        self._degradation.recover()
        return stored

    async def forget(self, user_id: str) -> None:
        """Drops what waits of a user, which would bring back what the bank has forgotten."""

        def is_theirs(entry: Entry) -> bool:
            if entry.kind == KIND_FEEDBACK:
                return conversation_pb2.RecordFeedbackRequest.FromString(entry.payload).user_id == user_id
            return conversation_pb2.AppendMessagesRequest.FromString(entry.payload).user_id == user_id

        await self._journal.discard(is_theirs)

    async def replay(self, entry: Entry) -> None:
        """Writes what waited; for the journal's Replayer."""
        if entry.kind == KIND_FEEDBACK:
            await self._memory.record(conversation_pb2.RecordFeedbackRequest.FromString(entry.payload))
        else:
            await self._memory.append(conversation_pb2.AppendMessagesRequest.FromString(entry.payload))
        self._degradation.recover()

    async def _keep(self, entry_id: str, kind: str, payload: bytes) -> Durability:
        if self._journal.count >= self._max_entries:
            raise StoreUnavailable(
                "The bank is away and the gateway's journal is full, so this cannot be kept.",
                retry_after_seconds=10.0,
            )
        await self._journal.append(entry_id, kind, payload)
        return Durability.JOURNALLED


class MakersAway:
    """The Makers port that always answers: while task-svc is away, full or of another opinion it declines."""

    def __init__(self, makers: TaskMakers, degradation: Degradation) -> None:
        self._makers = makers
        self._degradation = degradation

    async def begin(self, wish: Wish, user_id: str | None, request_id: str) -> Making | Declined:
        """Begins a task."""
        try:
            making = await self._makers.begin(wish, user_id, request_id)
        except AWAY as error:
            self._degradation.degrade(error)
            return Declined(_NOTHING_IS_MADE)
        except (InvalidArgument, LimitExceeded) as error:
            self._degradation.recover()
            return Declined(f"I cannot make that: {error.message}")
        self._degradation.recover()
        return making


class KnownDomains:
    """Tells a domain that does not exist from one that does; while the bank is away, every domain may exist.

    A domain that was seen once is not asked for again: after its deletion it finds nothing, which is true.
    """

    def __init__(self, peer: Peer[DatasetStub], degradation: Degradation) -> None:
        self._peer = peer
        self._degradation = degradation
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def check(self, domains: Sequence[str]) -> None:
        """Raises NotFound, or InvalidArgument for a name that no dataset can have."""
        for domain in domains:
            if domain in self._seen:
                continue
            try:
                await self._ask_for(domain)
            except AWAY as error:
                self._degradation.degrade(error)
                return
            self._seen[domain] = None
            while len(self._seen) > _MAX_SEEN_DOMAINS:
                self._seen.popitem(last=False)

    async def _ask_for(self, domain: str) -> None:
        request = bank_pb2.GetDatasetRequest(domain=domain)
        await self._peer.ask(lambda stub: stub.GetDataset(request))
