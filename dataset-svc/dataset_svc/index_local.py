"""What a replica shows of its own writes before the change feed brings them.

A state that was shown early is protected from older ones: a change that was on its way in the feed, or a
snapshot, does not undo it. The feed's word on it ends that. A journalled write is protected until its replay
is settled, and the store may have judged against it: from the replay's beginning on, what the protection held
back is remembered, so that the store's word is not lost whichever of the two comes first.
"""

from collections.abc import Sequence
from typing import Final

from dataset_svc.model import Change, Example

MOST_REMOVED: Final = 10_000


class LocalStates:
    """States by id, None for a removal; plain bookkeeping, to be used under the index's lock."""

    def __init__(self) -> None:
        self._states: dict[str, Example | None] = {}
        self._settling: set[str] = set()
        self._held_back: dict[str, Change] = {}
        # Removed by the feed lately: what a slow writer still has to show of these is over already.
        self._removed: dict[str, None] = {}

    def admitted(self, changes: Sequence[Change]) -> list[Change]:
        """The newest change of each example, except for those that are older than what is shown."""
        newest = {change.example_id: change for change in changes}
        held_back = {example_id: change for example_id, change in newest.items() if self._outdated(change)}
        self._held_back |= {id_: change for id_, change in held_back.items() if id_ in self._settling}
        return [change for example_id, change in newest.items() if example_id not in held_back]

    def brought(self, changes: Sequence[Change]) -> None:
        """Note that the feed has brought these."""
        for change in changes:
            self._states.pop(change.example_id, None)
            self._held_back.pop(change.example_id, None)
            self._removed.pop(change.example_id, None)
            if change.example is None:
                self._removed[change.example_id] = None
        while len(self._removed) > MOST_REMOVED:
            del self._removed[next(iter(self._removed))]

    def was_removed(self, example_id: str) -> bool:
        """Whether the feed's last word on the example was that it is gone."""
        return example_id in self._removed

    def shown(self, upserts: Sequence[Example], deletes: Sequence[str]) -> None:
        """Protect what was just shown."""
        self._states |= {example.id: example for example in upserts} | dict.fromkeys(deletes)

    def expect(self, example_id: str) -> None:
        """From now on, remember what the feed brings against the state that is shown."""
        self._settling.add(example_id)

    def settle(self, example_id: str, time: float | None, head: int) -> Change | None:
        """End the protection of the state of that time, or of a removal; see ports.LocalView.

        Returns a change that it has held back and that is the store's word. A state of another time is that
        of a later write, which is settled when its turn comes.
        """
        if example_id in self._states:
            state = self._states[example_id]
            if (None if state is None else state.update_time) != time:
                return None
            del self._states[example_id]
        self._settling.discard(example_id)
        held_back = self._held_back.pop(example_id, None)
        # An older one is followed by the store's word in the feed.
        return held_back if held_back is not None and held_back.sequence >= head else None

    def over(self) -> tuple[list[Example], list[str]]:
        """What a snapshot is to be finished with: the states that are shown, and the removals."""
        states = [example for example in self._states.values() if example is not None]
        return states, [example_id for example_id, example in self._states.items() if example is None]

    def _outdated(self, change: Change) -> bool:
        """Whether this replica has shown a newer state of the example than the change holds."""
        if change.example is None or change.example_id not in self._states:
            return False
        shown = self._states[change.example_id]
        return shown is None or change.example.update_time < shown.update_time
