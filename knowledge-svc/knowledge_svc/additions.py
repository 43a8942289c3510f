"""What was added to the bank, and which cached answers that could improve (servicekit, terms.py)."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from knowledge_svc.model import ANY_DOMAIN, Addition
from servicekit.terms import could_answer, terms_of

# One and the same addition is looked at for each old answer, some 0.2 µs each.
MAX_ADDITIONS: Final = 256

EVERYTHING_ADDED: Final = Addition(ANY_DOMAIN)


class Additions:
    """The last additions with the sequence of each, in its order; bounded, the oldest become one for all.

    Attributes:
        latest: Sequence of the last one.
        version: Grows with each that is noted.
    """

    def __init__(self) -> None:
        self._noted: OrderedDict[Addition, int] = OrderedDict()
        self.latest = self.version = 0

    def restart(self, noted: Mapping[Addition, int]) -> None:
        """Begin anew with what was noted elsewhere."""
        self._noted.clear()
        self.latest = 0
        self.note(noted)

    def note(self, noted: Mapping[Addition, int]) -> None:
        """Take in additions, given the sequence of each."""
        for addition, sequence in sorted(noted.items(), key=lambda pair: pair[1]):
            self._noted[addition] = max(sequence, self._noted.get(addition, 0))
            self._noted.move_to_end(addition)
            self.latest = max(self.latest, sequence)
        self.version += 1
        self._fold_the_oldest()

    def since(self, sequence: int) -> dict[Addition, int]:
        """The additions after a position."""
        return {addition: at for addition, at in self._noted.items() if at > sequence}

    def could_improve(self, question: str, domains: tuple[str, ...], sequence: int) -> bool:
        """Whether one that came after the sequence could improve an answer to the question."""
        if self.latest <= sequence:
            return False
        terms = terms_of(question)
        return any(
            _is_in(addition, domains) and could_answer(addition.terms, terms)
            for addition, at in self._noted.items()
            if at > sequence
        )

    def _fold_the_oldest(self) -> None:
        surplus = len(self._noted) - MAX_ADDITIONS
        if surplus <= 0:
            return
        # One more makes room for the one that stands for all of them.
        folded = max(self._noted.popitem(last=False)[1] for _ in range(surplus + 1))
        self._noted[EVERYTHING_ADDED] = folded
        self._noted.move_to_end(EVERYTHING_ADDED, last=False)


def _is_in(addition: Addition, domains: tuple[str, ...]) -> bool:
    """Whether it was added where an answer was looked for; no domains are all of them."""
    return addition.domain == ANY_DOMAIN or not domains or addition.domain in domains
