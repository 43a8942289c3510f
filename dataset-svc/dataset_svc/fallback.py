"""What the bank still does while PostgreSQL is away.

| call                              | while PostgreSQL is away                                              |
|-----------------------------------|-----------------------------------------------------------------------|
| insert of one example             | journalled (fsync before the answer), `Durability.JOURNALLED`         |
| edit or deletion of an example    | journalled, on the state that this replica shows; if the store turns  |
|                                   | out to have another one, `conflicts` says which is kept               |
| append of messages                | journalled; if the conversation turns out to be another user's, the   |
|                                   | entry is buried in the journal with that reason                       |
| feedback                          | journalled                                                            |
| insert of many                    | refused: its sender has the rows; the rest is in `fallback_guards`    |
| datasets                          | refused: they depend on what the store holds                          |
| reads of the store                | refused; search, get and list do not need it, the index answers them  |
| the change feed                   | does not grow; the follower tries again                               |

Refused is `StoreUnavailable`, at once: the first call that meets a silent server pays one budget, and
those after it nothing, while the return is looked for in the background. What was journalled is replayed
in order and exactly once when the store is back, also after a kill -9: the store keeps the id of each
entry with what it wrote, so that one repeated after a crash changes nothing. While entries wait, new writes
of the journalled kinds queue behind them, so that nothing overtakes. What is done to an example is shown by
this replica when the call returns; see `fallback_replay` for how the store's word replaces it.

With SQLite there is nothing to fall back from: the file is as far away as the journal.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from dataset_svc import journal_entries as entries
from dataset_svc.conflicts import Deletion, Edit
from dataset_svc.errors import ExampleNotFound, StoreUnavailable
from dataset_svc.fallback_replay import Shown
from dataset_svc.forgetting import user_of
from dataset_svc.model import (
    Change,
    Conversation,
    Dataset,
    DatasetEdit,
    Durability,
    EditOutcome,
    Example,
    Feedback,
    Insertion,
    InsertOutcome,
    Message,
    StoreCounts,
)
from dataset_svc.outage import Outage
from dataset_svc.ports import Bank, Conversations
from servicekit.journal import Journal

_BATCH_SECONDS: Final = 10.0
_FEED_SECONDS: Final = 5.0
_BULK_SECONDS: Final = 120.0

_LATER_SECONDS: Final = 1e-6
"""An edit is later than what it was made on, even if that was written by a clock that is ahead."""


async def _committed(outage: Outage, journal: Journal, write: Callable[[], Awaitable[object]]) -> bool:
    """Writes to the store; returns False if it is away, or if earlier writes still wait for it."""
    if journal.count > 0:
        outage.note()
        return False
    try:
        await outage.ask(write)
    except StoreUnavailable:
        return False
    return True


class JournalledBank:
    """ports.Bank around another one."""

    def __init__(
        self,
        bank: Bank,
        outage: Outage,
        journal: Journal,
        shown: Shown,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._bank = bank
        self._outage = outage
        self._journal = journal
        self._shown = shown
        self._clock = clock
        self._new_id = new_id

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

        if await _committed(self._outage, self._journal, insert):
            return outcomes[0]
        [example] = examples
        async with self._shown.alone(example.id) as view:
            with suppress(ExampleNotFound):
                # A repeated call; what is shown is in the store or waits for it.
                there = await view.get(example.id)
                return InsertOutcome((Insertion(there.id, duplicate=True),), Durability.JOURNALLED)
            await self._journal.append(*entries.of_example(example, self._new_id()))
            await view.apply_local([example], [])
        return InsertOutcome((Insertion(example.id, duplicate=False),), Durability.JOURNALLED)

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
    ) -> EditOutcome:
        """See ports.Bank; journalled when the store is away."""
        outcomes: list[EditOutcome] = []

        async def update() -> None:
            outcomes.append(
                await self._bank.update_example(
                    example_id, prompt=prompt, response=response, metadata_json=metadata_json, now=now
                )
            )

        if await _committed(self._outage, self._journal, update):
            return outcomes[0]
        async with self._shown.alone(example_id) as view:
            old = await view.get(example_id)
            new = old.edited(prompt, response, metadata_json, _later(now, old))
            if new is not old:
                edit = Edit(new, old.update_time, user_of(old.metadata_json))
                await self._journal.append(*entries.of_edit(edit, self._new_id()))
                await view.apply_local([new], [])
        return EditOutcome(new, Durability.JOURNALLED)

    async def delete_example(self, example_id: str) -> Durability:
        """See ports.Bank; journalled when the store is away."""
        if await _committed(self._outage, self._journal, lambda: self._bank.delete_example(example_id)):
            return Durability.COMMITTED
        async with self._shown.alone(example_id) as view:
            old = await view.get(example_id)
            deletion = Deletion(example_id, old.domain, old.update_time, _later(self._clock(), old))
            await self._journal.append(*entries.of_deletion(deletion, self._new_id()))
            await view.apply_local([], [example_id])
        return Durability.JOURNALLED

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
        if await _committed(
            self._outage,
            self._journal,
            lambda: self._conversations.append_messages(conversation_id, user_id, messages),
        ):
            return Durability.COMMITTED
        await self._journal.append(*entries.of_messages(conversation_id, user_id, messages))
        return Durability.JOURNALLED

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
        if await _committed(
            self._outage, self._journal, lambda: self._conversations.record_feedback(feedback)
        ):
            return Durability.COMMITTED
        await self._journal.append(*entries.of_feedback(feedback))
        return Durability.JOURNALLED


def _later(now: float, base: Example) -> float:
    return max(now, base.update_time + _LATER_SECONDS)
