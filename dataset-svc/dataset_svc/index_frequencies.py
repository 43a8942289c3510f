"""In how many documents a term is: a search asks it for each word of each prompt that it found."""

from typing import Any

from dataset_svc.confidence import inverse_frequency
from dataset_svc.model import Analyser

# The dictionary of each segment is asked, some 20 microseconds in all; remembered for 16,384 terms, 2 MB.
REMEMBERED = 16_384


class Frequencies:
    """Of one state of an index; it may be asked from any thread."""

    def __init__(self, searcher: Any) -> None:
        self._searcher = searcher
        self._documents: int = searcher.num_docs
        self._known: dict[tuple[str, str], int] = {}
        self._kinds = tuple(kind for kind in Analyser if self.containing("analyser", kind.value))

    @property
    def kinds(self) -> tuple[Analyser, ...]:
        """The analysers that the index has documents of."""
        return self._kinds

    def containing(self, field: str, term: str) -> int:
        """Documents with this term in the field; deleted ones count until the index merges them away."""
        key = field, term
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = int(self._searcher.doc_freq(field, term))
        return found

    def inverse(self, field: str, term: str) -> float:
        """The inverse document frequency of a term in the field."""
        return inverse_frequency(self._documents, self.containing(field, term))
