"""What the bank needs of the world. Every method may raise `StoreUnavailable` where its port says so."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from dataset_svc.conflicts import Conflict, Write
from dataset_svc.model import (
    ApiKey,
    Change,
    ChunkOutcome,
    Conversation,
    Dataset,
    DatasetEdit,
    Durability,
    EditOutcome,
    Example,
    Feedback,
    ImportChunk,
    ImportProgress,
    InsertOutcome,
    Message,
    Moved,
    Refusal,
    SearchHit,
    SearchQuery,
    StoreCounts,
    UserCounts,
)

MAX_REFUSALS = 1_000
"""Refused rows that are kept of an import."""


class Bank(Protocol):
    """The system of record of datasets, examples and the change feed.

    When it is down every method raises `StoreUnavailable` within its time limit, having changed nothing;
    the fallback journals what is done to a single example, everything else is refused. It is tried anew with
    each call.
    """

    async def list_datasets(self, after_domain: str, limit: int) -> list[Dataset]:
        """Datasets whose name sorts after `after_domain`, by name."""

    async def get_dataset(self, domain: str) -> Dataset:
        """The dataset; raises `DatasetNotFound`."""

    async def create_dataset(self, dataset: Dataset) -> Dataset:
        """Add an empty dataset; raises `DatasetExists`."""

    async def update_dataset(self, domain: str, edit: DatasetEdit, now: float) -> Dataset:
        """Change what is not None; a new analyser is told for each example. Raises `DatasetNotFound`."""

    async def delete_dataset(self, domain: str, *, force: bool) -> int:
        """Remove the dataset and return how many examples went with it.

        Raises `DatasetNotFound`, and `DatasetNotEmpty` when it has examples, archived or not, and `force` is
        not set.
        """

    async def insert_examples(self, examples: Sequence[Example]) -> InsertOutcome:
        """Insert in one transaction, a missing dataset included; one outcome per example, in order.

        An example whose id or (domain, content hash) is there already is a duplicate: nothing changes.
        The fallback journals a single example while the store is down, and then says so.
        """

    async def get_example(self, example_id: str) -> Example:
        """The example; raises `ExampleNotFound`."""

    async def update_example(
        self,
        example_id: str,
        *,
        prompt: str | None,
        response: str | None,
        metadata_json: str | None,
        now: float,
    ) -> EditOutcome:
        """Change what is not None; raises `ExampleNotFound`, or `ExampleExists` if it would equal another.

        The fallback journals it while the store is down; whether it equals another is then seen later.
        """

    async def delete_example(self, example_id: str) -> Durability:
        """Remove the example; raises `ExampleNotFound`. The fallback journals it while the store is down."""

    async def changes_after(self, sequence: int, limit: int) -> list[Change]:
        """The next changes in order of commit, gap-free: what was not returned now has a larger sequence.

        Raises `ResyncRequired` when the feed no longer holds what follows `sequence`.
        """

    async def head_sequence(self) -> int:
        """Sequence of the newest committed change; 0 before the first."""

    async def wait_for_change(self, after_sequence: int, timeout_seconds: float) -> None:
        """Return when the feed may have grown beyond `after_sequence`, at the latest after the timeout.

        It wakes across replicas, at once if the feed is beyond it already, and never raises: a store that
        is down looks like a feed that does not grow.
        """

    def snapshot(self) -> AsyncIterator[tuple[int, list[Example]]]:
        """All examples in batches, each with the one sequence that the whole snapshot was taken at.

        An empty bank yields one empty batch, so that the sequence is always told.
        """

    async def counts(self) -> StoreCounts:
        """Rows in the store."""

    async def ping(self) -> None:
        """Return if the store answers."""

    async def close(self) -> None:
        """Give everything back."""


class Archive(Protocol):
    """Examples that were taken out of search and are kept.

    When the store is down every method raises `StoreUnavailable`. Each step is one transaction of at most
    `limit` examples, told in the feed; a caller repeats it from `Moved.last_id` on until that is empty.
    """

    async def archive(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """Move examples whose id sorts after `after_id` into the archive, in order of id.

        Of these ids, or all if there are none; of this domain, or of any if it is empty.
        """

    async def restore(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """Bring archived examples back, updated `now`; one whose content the bank has by now stays."""

    async def rotate(self, domain: str, limit: int, now: float) -> int:
        """Archive what the dataset's rules no longer keep, those not updated for longest first; how many."""

    async def ruled(self) -> list[Dataset]:
        """Datasets whose rules may have something to archive, by name."""

    async def list_archived(self, domain: str, after_id: str, limit: int) -> list[Example]:
        """Archived examples whose id sorts after `after_id`, by id; an empty domain means all."""


class Users(Protocol):
    """What is kept of a user beside the conversations that `Conversations` lists.

    When the store is down every method raises `StoreUnavailable`.
    """

    async def feedback(self, user_id: str, after: tuple[float, str], limit: int) -> list[Feedback]:
        """The user's feedback after (create_time, id), oldest first."""

    async def examples(self, user_id: str, after_id: str, limit: int) -> tuple[list[Example], str]:
        """Examples, archived ones too, whose metadata names the user as `user_id`.

        Those among the next `limit` whose metadata has that field, by id, and the id to go on after; it is
        empty at the end.
        """

    async def forget(self, user_id: str, now: float) -> UserCounts:
        """Delete all of it in one transaction, and drop what is written later but dates from before `now`."""

    async def forgotten_at(self, user_id: str) -> float | None:
        """When the user was last forgotten; None if never."""


class Replays(Protocol):
    """Takes what was journalled into the store; when that is down it raises `StoreUnavailable`."""

    async def apply(self, entry_id: str, write: Write, now: float) -> int:
        """Apply a journalled write and note its entry in one transaction; a noted one is passed over.

        What meets another change is judged by `conflicts` and written down; what dates from before its user
        was forgotten is dropped. Where the store then holds something else than the writer was shown, the
        feed tells its state once more. Returns the head that the feed came to, 0 if it has not grown; raises
        `ConversationNotFound` when the conversation is another user's.
        """


class Conflicts(Protocol):
    """The journalled changes that met others. When the store is down it raises `StoreUnavailable`."""

    async def list(self, after_sequence: int, limit: int, user_id: str | None = None) -> list[Conflict]:
        """Conflicts after a sequence, in order; of one user, those in which something theirs was given up."""


class LocalView(Protocol):
    """What this replica shows of the examples, its own journalled changes among them."""

    async def get(self, example_id: str) -> Example:
        """See `ExampleIndex`."""

    async def apply_local(self, upserts: Sequence[Example], deletes: Sequence[str]) -> None:
        """See `ExampleIndex`."""

    async def restore(self, upserts: Sequence[Example], deletes: Sequence[str]) -> None:
        """Show what the journal of an earlier process holds, and protect it as `apply_local` does."""

    def expect(self, example_id: str) -> None:
        """A journalled change of the example is about to be replayed; `settle` follows, sooner or later."""

    async def settle(self, example_id: str, time: float | None, head: int) -> None:
        """Give what is shown of the example up for the store's word.

        Args:
            example_id: Whose journalled change was replayed.
            time: Of the replayed state (its update_time); None for a removal. A later one stays.
            head: Sequence of the feed that tells what the store has of it now; 0 if it has told that before.
        """


class Imports(Protocol):
    """How far each import has come, kept with what it brought.

    When the store is down every method raises `StoreUnavailable`: the sender has the rows, and goes on later.
    """

    async def progress(self, request_id: str) -> ImportProgress:
        """How far it has come; an unknown one has not begun."""

    async def store(self, chunk: ImportChunk, now: float) -> ChunkOutcome:
        """Store what of the chunk is not settled, and the import's new position, in one transaction.

        Equal content is stored once a domain. Without a request id no position is kept. Raises
        `ImportGap` when the chunk begins beyond the position.
        """

    async def finish(self, request_id: str, now: float) -> None:
        """Note that a stream of the import came to its end."""

    async def refusals(self, request_id: str) -> list[Refusal]:
        """The first refused rows of the import, in order; at most `MAX_REFUSALS`."""

    async def forget(self, before: float) -> None:
        """Drop the positions of imports whose last chunk was stored before that time."""


class Conversations(Protocol):
    """The system of record of what was said and thought.

    When it is down every method raises `StoreUnavailable`; the fallback journals appended messages and
    feedback, and reads are refused.
    """

    async def append_messages(
        self, conversation_id: str, user_id: str, messages: Sequence[Message]
    ) -> Durability:
        """Append, creating the conversation; a message id that is there already is skipped.

        So is a message from before the user was forgotten.

        Raises `ConversationNotFound` when the conversation is another user's.
        """

    async def get_conversation(self, conversation_id: str, user_id: str) -> Conversation:
        """The conversation; raises `ConversationNotFound`, also for another user's."""

    async def list_messages(
        self, conversation_id: str, user_id: str, after: tuple[float, str], limit: int
    ) -> list[Message]:
        """Messages after (create_time, id), oldest first; raises `ConversationNotFound`."""

    async def list_conversations(
        self, user_id: str, before: tuple[float, str] | None, limit: int
    ) -> list[Conversation]:
        """The user's conversations before (update_time, id), the last used first."""

    async def list_user_messages(
        self, user_id: str, after_time: float, before: tuple[float, str] | None, limit: int
    ) -> list[tuple[str, Message]]:
        """The user's messages from `after_time` on and before (create_time, id), the newest first.

        Each comes with its conversation's id.
        """

    async def rename_conversation(self, conversation_id: str, user_id: str, title: str) -> Conversation:
        """Give it another title; raises `ConversationNotFound`."""

    async def delete_conversation(self, conversation_id: str, user_id: str) -> None:
        """Remove it with its messages; raises `ConversationNotFound`."""

    async def record_feedback(self, feedback: Feedback) -> Durability:
        """Keep an opinion; an id that is there already, or a user forgotten since, is skipped."""


class Keys(Protocol):
    """Keys of the HTTP front.

    When the store is down every method raises `StoreUnavailable`: a key that might not hold is none, and a
    revocation that might not happen is none. The gateways go on with the keys that they have read.
    """

    async def create_key(self, key: ApiKey) -> ApiKey:
        """Add a key, or return the one that is there under the same id; raises `KeyExists` for its secret."""

    async def list_keys(self, after_id: str, limit: int) -> list[ApiKey]:
        """Keys whose id sorts after `after_id`, by id, the revoked ones among them."""

    async def revoke_key(self, key_id: str, now: float) -> ApiKey:
        """End a key; one that has ended keeps its first time. Raises `KeyNotFound`."""


class Catalogue(Protocol):
    """What reads need of the system of record; a Bank is one.

    When the store is down the fallback answers from the replica's index and what it remembers.
    """

    async def list_datasets(self, after_domain: str, limit: int) -> list[Dataset]:
        """See `Bank`."""

    async def get_dataset(self, domain: str) -> Dataset:
        """See `Bank`; raises `StoreUnavailable` for a dataset that the fallback knows nothing of."""

    async def head_sequence(self) -> int:
        """See `Bank`; -1 while the store cannot be asked."""

    async def counts(self) -> StoreCounts:
        """See `Bank`; -1 for what the fallback cannot know."""


class ExampleReads(Protocol):
    """What reads need of the replica's index; the fallback says when it no longer follows the store."""

    @property
    def sequence(self) -> int:
        """See `ExampleIndex`."""

    @property
    def documents(self) -> int:
        """See `ExampleIndex`."""

    async def search(self, queries: Sequence[SearchQuery]) -> list[list[SearchHit]]:
        """See `ExampleIndex`."""

    async def get(self, example_id: str) -> Example:
        """See `ExampleIndex`."""

    async def list(self, domain: str, after_id: str, limit: int) -> list[Example]:
        """See `ExampleIndex`."""

    async def domains(self) -> dict[str, int]:
        """See `ExampleIndex`."""

    async def size_bytes(self) -> int:
        """See `ExampleIndex`."""


class ExampleIndex(Protocol):
    """The replica's own read side, on its own disk: it answers while the store is away.

    A corrupt or outdated index is rebuilt from a snapshot; until then search is not SERVING.
    """

    @property
    def sequence(self) -> int:
        """Sequence of the change feed that the committed index has followed to; -1 if it needs a snapshot."""

    @property
    def documents(self) -> int:
        """Examples in the index."""

    async def apply(self, changes: Sequence[Change], *, sequence: int) -> None:
        """Apply changes and the cursor in one commit; visible to searches when it returns. Idempotent."""

    async def apply_local(self, upserts: Sequence[Example], deletes: Sequence[str]) -> None:
        """Make a write visible here before the feed brings it; the cursor stays.

        Until the feed brings it no older state of the example replaces it.
        """

    async def replace(self, snapshot: AsyncIterator[tuple[int, list[Example]]]) -> None:
        """Build a new index from a snapshot beside the old one, then swap."""

    async def search(self, queries: Sequence[SearchQuery]) -> list[list[SearchHit]]:
        """Hits per query, best first."""

    async def get(self, example_id: str) -> Example:
        """The example; raises `ExampleNotFound`."""

    async def list(self, domain: str, after_id: str, limit: int) -> list[Example]:
        """Examples whose id sorts after `after_id`, by id; an empty domain means all."""

    async def domains(self) -> dict[str, int]:
        """Examples per domain."""

    async def size_bytes(self) -> int:
        """Bytes on disk."""

    async def rest(self) -> bool:
        """Give the memory of writing back until the next write; False if unfinished work needs it."""

    async def close(self) -> None:
        """Give everything back; what `apply` and `apply_local` returned from is on the disk already."""
