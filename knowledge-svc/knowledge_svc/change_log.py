"""What the bank changed lately, so that an answer which was computed before a change is known for it.

Eviction alone cannot do this: an answer may arrive after its source changed, and a shared tier that was
away comes back with what it missed.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from knowledge_svc.additions import Additions
from knowledge_svc.model import Addition, Entry

# About 1.5 MB.
DEFAULT_LABELS: Final = 10_000


class ChangeLog:
    """The last sequence at which each of the labels changed; bounded, the oldest are dropped.

    Attributes:
        sequence: Position of the bank's change feed that was followed to; 0 follows none.
        floor: What changed at or before it may have been dropped.
        additions: What was added to the bank lately.
    """

    def __init__(self, max_labels: int = DEFAULT_LABELS) -> None:
        self._max_labels = max_labels
        self._changed: OrderedDict[str, int] = OrderedDict()
        self.sequence = 0
        self.floor = 0
        self.additions = Additions()

    def restart(self, sequence: int, added: Mapping[Addition, int] | None = None) -> None:
        """Begin anew at a position; of what changed up to it nothing is known but these additions."""
        self._changed.clear()
        self.sequence = self.floor = sequence
        self.additions.restart(added or {})

    def note(
        self, labels: Mapping[str, int], sequence: int, added: Mapping[Addition, int] | None = None
    ) -> None:
        """Take in the changes up to `sequence`: labels and additions with the sequence of each."""
        if added:
            self.additions.note(added)
        for label, changed_at in labels.items():
            self._changed[label] = changed_at
            self._changed.move_to_end(label)
        self.sequence = max(self.sequence, sequence)
        while len(self._changed) > self._max_labels:
            _, dropped = self._changed.popitem(last=False)
            self.floor = max(self.floor, dropped)

    def outdates(self, entry: Entry) -> bool:
        """Whether a source of the entry is known to have changed since it was computed."""
        if self._changed.keys().isdisjoint(entry.labels):  # every hit asks, and mostly that is all
            return False
        return any(self._changed.get(label, 0) > entry.sequence for label in entry.labels)

    def could_improve(self, entry: Entry) -> bool:
        """Whether something that was added since the entry was computed could improve it."""
        return self.additions.could_improve(entry.question, entry.domains, entry.sequence)

    def vouches_for(self, entry: Entry) -> bool:
        """Whether no source has changed since the entry was computed, as far as can be proven."""
        return entry.sequence >= self.floor and not self.outdates(entry)

    def since(self, sequence: int) -> dict[str, int] | None:
        """The labels that changed after a position, or None if the log does not reach back so far."""
        if sequence < self.floor:
            return None
        return {label: at for label, at in self._changed.items() if at > sequence}
