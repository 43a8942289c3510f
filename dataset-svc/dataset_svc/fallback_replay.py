"""How what was journalled goes into the store, and how this replica's view of it gives way to the store's.

A journalled change is shown here before the store has it, and no older state replaces it until its replay is
settled. If the store keeps something else than was shown, the feed tells so. Thus every replica comes to show
the store's state, the one too that was killed and has forgotten what it showed early.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from dataset_svc import journal_entries as entries
from dataset_svc.conflicts import Deletion, Edit, Write
from dataset_svc.model import Example
from dataset_svc.outage import Outage
from dataset_svc.ports import LocalView, Replays
from servicekit.journal import Entry


class Shown:
    """What this replica shows of each example, for one writer of it at a time."""

    def __init__(self, view: LocalView) -> None:
        self._view = view
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, example_id: str) -> AsyncIterator[LocalView]:
        """The view, while no other change of the example is journalled or replayed."""
        async with self._locks.setdefault(example_id, asyncio.Lock()):
            yield self._view

    async def restore(self, waiting: Sequence[Entry]) -> None:
        """Show what waits in the journal from an earlier process, before any of it is replayed."""
        states: dict[str, Example | None] = {}
        for entry in waiting:
            match entries.write_of(entry):
                case Example() as example:
                    states[example.id] = example
                case Edit(example=example):
                    states[example.id] = example
                case Deletion(example_id=example_id):
                    states[example_id] = None
        if states:
            examples = [state for state in states.values() if state is not None]
            await self._view.restore(examples, [id_ for id_, state in states.items() if state is None])


class Replay:
    """Applies one journalled write; idempotent, and called in order.

    Without `shown` the journal is another replica's, and nothing of it is shown here.
    """

    def __init__(
        self, replays: Replays, outage: Outage, shown: Shown | None, *, clock: Callable[[], float]
    ) -> None:
        self._replays = replays
        self._outage = outage
        self._shown = shown
        self._clock = clock

    async def __call__(self, entry: Entry) -> None:
        """Raises what the store raises; a permanent error has the entry buried."""
        write = entries.write_of(entry)
        example = _shown_state(write)
        if example is None or self._shown is None:
            await self._apply(entry.entry_id, write)
            return
        example_id, time = example
        # Whoever journals a change shows it before it lets go of the example.
        async with self._shown.alone(example_id) as view:
            view.expect(example_id)
        head = await self._apply(entry.entry_id, write)
        await view.settle(example_id, time, head)

    async def _apply(self, entry_id: str, write: Write) -> int:
        return await self._outage.attempt(lambda: self._replays.apply(entry_id, write, self._clock()))


def _shown_state(write: Write) -> tuple[str, float | None] | None:
    """Id and time of the example that was shown, no time if it was removed; None for another kind."""
    match write:
        case Example():
            return write.id, write.update_time
        case Edit():
            return write.example.id, write.time
        case Deletion():
            return write.example_id, None
    return None
