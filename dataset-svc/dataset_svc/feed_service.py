"""What streams out of the bank, and its measure: changes, export, stats."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from dataset_svc.message_size import example_bytes, messages
from dataset_svc.model import Change, Example, ReplicaStats
from dataset_svc.ports import Bank, Catalogue, ExampleReads
from servicekit.errors import InvalidArgument

CHANGES_A_READ = 500
EXAMPLES_A_READ = 500
# A reader that hears nothing for much longer may hold the connection to be dead.
HEARTBEAT_SECONDS = 5.0


class FeedService:
    """Streams for other services and for whoever exports."""

    def __init__(
        self,
        bank: Bank,
        catalogue: Catalogue,
        reads: ExampleReads,
        *,
        store: str,
        journalled: Callable[[], Awaitable[int]],
        clock: Callable[[], float],
    ) -> None:
        self._bank = bank
        self._catalogue = catalogue
        self._reads = reads
        self._store = store
        self._journalled = journalled
        self._clock = clock

    async def watch(self, after_sequence: int) -> AsyncGenerator[tuple[list[Change], int]]:
        """The feed from there on, with the position it has reached; an empty list at once and as a heartbeat.

        Raises ResyncRequired when the feed no longer holds what follows, and StoreUnavailable while the
        store is away: a reader that heard nothing would believe that nothing had changed.
        """
        if after_sequence < 0:
            raise InvalidArgument("after_sequence must not be negative.")
        head = await self._bank.head_sequence()
        yield [], head
        position, told_at = after_sequence, self._clock()
        while True:
            changes = await self._bank.changes_after(position, CHANGES_A_READ)
            if not changes:
                if self._clock() - told_at >= HEARTBEAT_SECONDS:
                    yield [], head
                    told_at = self._clock()
                await self._bank.wait_for_change(position, HEARTBEAT_SECONDS)
                continue
            position = changes[-1].sequence
            head = max(position, await self._bank.head_sequence())
            for message in messages(changes, _change_bytes):
                yield message, head
            told_at = self._clock()

    async def export(self, domain: str) -> AsyncIterator[list[Example]]:
        """All examples, or those of a domain, in order of id; raises DatasetNotFound at once."""
        after = ""
        while examples := await self._reads.list(domain, after, EXAMPLES_A_READ):
            for message in messages(examples, example_bytes):
                yield message
            after = examples[-1].id
        if domain and not after:
            await self._catalogue.get_dataset(domain)

    async def stats(self) -> ReplicaStats:
        """What this replica and its store hold."""
        # In this order: what leaves the journal meanwhile must not be missing from both, so that a replica
        # whose journal is empty and whose index is at the head shows what the store holds.
        journalled = await self._journalled()
        head = await self._catalogue.head_sequence()
        return ReplicaStats(
            counts=await self._catalogue.counts(),
            index_documents=self._reads.documents,
            index_bytes=await self._reads.size_bytes(),
            index_sequence=self._reads.sequence,
            head_sequence=head,
            journalled=journalled,
            store=self._store,
            store_available=head >= 0,
        )


def _change_bytes(change: Change) -> int:
    return 100 + (example_bytes(change.example) if change.example else 0)
