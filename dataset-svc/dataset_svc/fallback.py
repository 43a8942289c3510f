"""What the bank still does while PostgreSQL is away.

| call                              | while PostgreSQL is away                                              |
|-----------------------------------|-----------------------------------------------------------------------|
| insert of one example             | journalled (fsync before the answer), `Durability.JOURNALLED`         |
| append of messages                | journalled; if the conversation turns out to be another user's, the   |
|                                   | entry is buried in the journal with that reason                       |
| feedback                          | journalled                                                            |
| insert of many                    | refused: its sender has the rows; the rest is in `fallback_guards`    |
| update, delete, datasets          | refused: they depend on what the store holds                          |
| reads of the store                | refused; search, get and list do not need it, the index answers them  |
| the change feed                   | does not grow; the follower tries again                               |

Refused is `StoreUnavailable`, at once: the first call that meets a silent server pays one budget, and
those after it nothing, while the return is looked for in the background. What was journalled is replayed
in order and exactly once when the store is back, also after a kill -9: each write carries an id that the
store keeps, so that a write repeated after a crash changes nothing. While entries wait, new writes of the
journalled kinds queue behind them, so that nothing overtakes.

With SQLite there is nothing to fall back from: the file is as far away as the journal.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from dataset_svc import journal_entries as entries
from dataset_svc.errors import StoreUnavailable
from dataset_svc.forgetting import user_of
from dataset_svc.model import (
    Change,
    Conversation,
    Dataset,
    DatasetEdit,
    Durability,
    Example,
    Feedback,
    Insertion,
    InsertOutcome,
    Message,
    StoreCounts,
)
from dataset_svc.outage import Outage
from dataset_svc.ports import Bank, Conversations, Users
from servicekit.journal import Entry, Journal

_BATCH_SECONDS: Final = 10.0
_FEED_SECONDS: Final = 5.0
_BULK_SECONDS: Final = 120.0

Superseded = Callable[[str, str], Awaitable[None]]
"""Told the id of a journalled example that is not kept, and the id of its equal in the store, if any."""


async def _stored(
    outage: Outage, journal: Journal, write: Callable[[], Awaitable[object]], entry: tuple[str, str, bytes]
) -> Durability:
    """Writes to the store, or to the journal when the store is away or earlier writes still wait for it."""
    if journal.count == 0:
        try:
            await outage.ask(write)
        except StoreUnavailable:
            pass
        else:
            return Durability.COMMITTED
    else:
        outage.note()
    await journal.append(*entry)
    return Durability.JOURNALLED


class JournalledBank:
    """ports.Bank around another one."""

    def __init__(self, bank: Bank, outage: Outage, journal: Journal) -> None:
        self._bank = bank
        self._outage = outage
        self._journal = journal

    async def list_datasets(self, after_domain: str, limit: int) -> list[Dataset]:
        """See ports.Bank."""
        return await self._outage.ask(lambda: self._bank.list_datasets(after_domain, limit))

    async def get_dataset(self, domain: str) -> Dataset:
        """See ports.Bank."""
        return await self._outage.ask(lambda: self._bank.get_dataset(domain))

    async def create_dataset(self, dataset: Dataset) -> Dataset:
        """See ports.Bank."""
        return await self._outage.ask(lambda: self._bank.create_dataset(dataset))

    async def update_dataset(self, domain: str, edit: DatasetEdit, now: float) -> Dataset:
        """See ports.Bank."""
        return await self._outage.ask(
            lambda: self._bank.update_dataset(domain, edit, now), budget_seconds=_BULK_SECONDS
        )

    async def delete_dataset(self, domain: str, *, force: bool) -> int:
        """See ports.Bank."""
        return await self._outage.ask(
            lambda: self._bank.delete_dataset(domain, force=force), budget_seconds=_BULK_SECONDS
        )

    async def insert_examples(self, examples: Sequence[Example]) -> InsertOutcome:
        """See ports.Bank; a single example is journalled when the store is away."""
        if len(examples) != 1:
            return await self._outage.ask(
                lambda: self._bank.insert_examples(examples), budget_seconds=_BATCH_SECONDS
            )
        outcomes: list[InsertOutcome] = []

        async def insert() -> None:
            outcomes.append(await self._bank.insert_examples(examples))

        [example] = examples
        durability = await _stored(self._outage, self._journal, insert, entries.of_example(example))
        if durability is Durability.COMMITTED:
            return outcomes[0]
        return InsertOutcome((Insertion(example.id, duplicate=False),), durability)

    async def get_example(self, example_id: str) -> Example:
        """See ports.Bank."""
        return await self._outage.ask(lambda: self._bank.get_example(example_id))

    async def update_example(
        self,
        example_id: str,
        *,
        prompt: str | None,
        response: str | None,
        metadata_json: str | None,
        now: float,
    ) -> Example:
        """See ports.Bank."""
        return await self._outage.ask(
            lambda: self._bank.update_example(
                example_id, prompt=prompt, response=response, metadata_json=metadata_json, now=now
            )
        )

    async def delete_example(self, example_id: str) -> None:
        """See ports.Bank."""
        await self._outage.ask(lambda: self._bank.delete_example(example_id))

    async def changes_after(self, sequence: int, limit: int) -> list[Change]:
        """See ports.Bank."""
        return await self._outage.ask(
            lambda: self._bank.changes_after(sequence, limit), budget_seconds=_FEED_SECONDS
        )

    async def head_sequence(self) -> int:
        """See ports.Bank."""
        return await self._outage.ask(self._bank.head_sequence)

    async def wait_for_change(self, after_sequence: int, timeout_seconds: float) -> None:
        """See ports.Bank."""
        await self._bank.wait_for_change(after_sequence, timeout_seconds)

    def snapshot(self) -> AsyncIterator[tuple[int, list[Example]]]:
        """See ports.Bank; its own time limits are those of the store."""
        return self._bank.snapshot()

    async def counts(self) -> StoreCounts:
        """See ports.Bank."""
        return await self._outage.ask(self._bank.counts)

    async def ping(self) -> None:
        """See ports.Bank."""
        await self._outage.ask(self._bank.ping)

    async def close(self) -> None:
        """See ports.Bank."""
        await self._bank.close()


class JournalledConversations:
    """ports.Conversations around another one."""

    def __init__(self, conversations: Conversations, outage: Outage, journal: Journal) -> None:
        self._conversations = conversations
        self._outage = outage
        self._journal = journal

    async def append_messages(
        self, conversation_id: str, user_id: str, messages: Sequence[Message]
    ) -> Durability:
        """See ports.Conversations."""
        return await _stored(
            self._outage,
            self._journal,
            lambda: self._conversations.append_messages(conversation_id, user_id, messages),
            entries.of_messages(conversation_id, user_id, messages),
        )

    async def get_conversation(self, conversation_id: str, user_id: str) -> Conversation:
        """See ports.Conversations."""
        return await self._outage.ask(lambda: self._conversations.get_conversation(conversation_id, user_id))

    async def list_messages(
        self, conversation_id: str, user_id: str, after: tuple[float, str], limit: int
    ) -> list[Message]:
        """See ports.Conversations."""
        return await self._outage.ask(
            lambda: self._conversations.list_messages(conversation_id, user_id, after, limit)
        )

    async def list_conversations(
        self, user_id: str, before: tuple[float, str] | None, limit: int
    ) -> list[Conversation]:
        """See ports.Conversations."""
        return await self._outage.ask(lambda: self._conversations.list_conversations(user_id, before, limit))

    async def list_user_messages(
        self, user_id: str, after_time: float, before: tuple[float, str] | None, limit: int
    ) -> list[tuple[str, Message]]:
        """See ports.Conversations."""
        return await self._outage.ask(
            lambda: self._conversations.list_user_messages(user_id, after_time, before, limit)
        )

    async def rename_conversation(self, conversation_id: str, user_id: str, title: str) -> Conversation:
        """See ports.Conversations."""
        return await self._outage.ask(
            lambda: self._conversations.rename_conversation(conversation_id, user_id, title)
        )

    async def delete_conversation(self, conversation_id: str, user_id: str) -> None:
        """See ports.Conversations."""
        await self._outage.ask(lambda: self._conversations.delete_conversation(conversation_id, user_id))

    async def record_feedback(self, feedback: Feedback) -> Durability:
        """See ports.Conversations."""
        return await _stored(
            self._outage,
            self._journal,
            lambda: self._conversations.record_feedback(feedback),
            entries.of_feedback(feedback),
        )


class Replay:
    """Applies one journalled write to the stores themselves; idempotent, and called in order."""

    def __init__(
        self, bank: Bank, conversations: Conversations, users: Users, outage: Outage, superseded: Superseded
    ) -> None:
        self._bank = bank
        self._conversations = conversations
        self._users = users
        self._outage = outage
        self._superseded = superseded

    async def __call__(self, entry: Entry) -> None:
        """Raises what the store raises; a permanent error has the entry buried."""
        await self._outage.attempt(lambda: self._apply(entry))

    async def _apply(self, entry: Entry) -> None:
        match entries.write_of(entry):
            case Example() as example if await self._forgotten(example):
                await self._superseded(example.id, "")
            case Example() as example:
                [insertion] = (await self._bank.insert_examples([example])).insertions
                if insertion.id != example.id:
                    await self._superseded(example.id, insertion.id)
            case entries.Appended() as appended:
                await self._conversations.append_messages(
                    appended.conversation_id, appended.user_id, appended.messages
                )
            case Feedback() as feedback:
                await self._conversations.record_feedback(feedback)

    async def _forgotten(self, example: Example) -> bool:
        """Whether it is of a user who was deleted since it was written."""
        user_id = user_of(example.metadata_json)
        forgotten = None if user_id is None else await self._users.forgotten_at(user_id)
        return forgotten is not None and example.create_time <= forgotten
