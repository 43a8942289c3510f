"""What was added to the bank, and which cached answers that could improve.

A new example can only take an answer's place if its prompt speaks of what was asked. The bank's confidence
in an example (dataset-svc, confidence.py) is at most the share of the question's words that the prompt has,
to the power of 2/3, and the gateway quotes from 0.5 on, which is a share of 0.35. Words weigh by rarity
there and equally here, so `_LEAST_SHARE` is lower. An answer that is marked in vain is worked out once
more; one that is not marked stays as it is until its time is over.
"""

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Terms = frozenset[str]

ANY_DOMAIN: Final = ""

_LEAST_SHARE: Final = 0.25
# Words of four letters and more are equal if they begin alike: neither language nor stem is known.
_STEM_CHARACTERS: Final = 4
# The rest of a longer text says no more about what it is about.
_MAX_WORDS: Final = 64
# One and the same addition is looked at for each old answer, some 0.2 µs each.
MAX_ADDITIONS: Final = 256
# Chinese and Japanese are written without spaces: a character is a word.
_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_APOSTROPHE: Final = re.compile("(?<=\\w)['\u2019\u02bc](?=\\w)")
_FUNCTION_WORDS: Final = frozenset(
    """
    a about after am an and any are at be been before but by can could describe did do does doing done dont
    explain for from get give had has have he hello her here hey hi him his how i id if im in into is it its
    ive just know let make many may me might mine much must my need no not of ok on or our over please say
    shall she should show so some tell than thank that the their them then there these they this those to us
    very want was we were what whats when where which who whom whose why will with would yes you your
    """.split()  # noqa: SIM905 - a paragraph is read at a glance, a list of 115 lines is not
)


def terms_of(text: str) -> Terms:
    """Returns what a text is about: its words without function words, or with them if it has no others."""
    folded = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", text).casefold())
    words = _WORD.findall(folded)[:_MAX_WORDS]
    return frozenset(word[:_STEM_CHARACTERS] for word in words if word not in _FUNCTION_WORDS) or frozenset(
        word[:_STEM_CHARACTERS] for word in words
    )


@dataclass(frozen=True, slots=True)
class Addition:
    """An example that was added to the bank, or many of them.

    Attributes:
        domain: Where; `ANY_DOMAIN` stands for all of them.
        terms: What its prompt is about; None stands for anything, as after an import.
    """

    domain: str
    terms: Terms | None = None

    def could_improve(self, question: Terms, domains: tuple[str, ...]) -> bool:
        """Whether it could take the place of an answer that was looked for in these domains (none: all)."""
        if self.domain != ANY_DOMAIN and domains and self.domain not in domains:
            return False
        if self.terms is None or not question:
            return True
        return len(question & self.terms) >= _LEAST_SHARE * len(question)


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
            addition.could_improve(terms, domains) for addition, at in self._noted.items() if at > sequence
        )

    def _fold_the_oldest(self) -> None:
        surplus = len(self._noted) - MAX_ADDITIONS
        if surplus <= 0:
            return
        # One more makes room for the one that stands for all of them.
        folded = max(self._noted.popitem(last=False)[1] for _ in range(surplus + 1))
        self._noted[EVERYTHING_ADDED] = folded
        self._noted.move_to_end(EVERYTHING_ADDED, last=False)
