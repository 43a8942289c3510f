"""How text becomes terms: the same for what is indexed and for what is asked."""

import re
import unicodedata
from dataclasses import dataclass

import tantivy

from dataset_svc.model import Analyser

# Longer runs without a break are data, not words; they would only swell the term dictionary.
MAX_TERM_CHARACTERS = 64

# Typed, typographic (U+2019) and modifier (U+02BC) apostrophe.
_APOSTROPHES = "'\u2019\u02bc"
# What it must begin with stands first, so that a text is searched for it in C.
_APOSTROPHE = re.compile(rf"[{_APOSTROPHES}](?<=\w.)(?=\w)")
# Chinese and Japanese are written without spaces: each character is a word of its own to the index.
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
_WORD = re.compile(r"[^\W_]+")
_WRITTEN_WORD = re.compile(rf"[^\W_]+(?:[{_APOSTROPHES}][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, where it stands in it (in characters), and its term."""

    start: int
    end: int
    term: str


def normalise(text: str) -> str:
    """The text with compatibility forms unified, apostrophes closed up (`don't` as `dont`), CJK spaced."""
    if not text.isascii():
        text = _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFKC", text))
    return _APOSTROPHE.sub("", text)


def plain_words(text: str) -> tuple[str, ...]:
    """The words without case and punctuation, unstemmed: two prompts with the same ones are the same."""
    return tuple(_WORD.findall(normalise(text).casefold()))


def tantivy_analyser(kind: Analyser) -> tantivy.TextAnalyzer:
    """Words, lower-cased, without accents; of English texts reduced to their stem."""
    steps = [
        tantivy.Filter.remove_long(MAX_TERM_CHARACTERS),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
    ]
    if kind is Analyser.ENGLISH:
        steps.append(tantivy.Filter.stemmer("english"))
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in steps:
        builder = builder.filter(step)
    return builder.build()


class Terms:
    """Turns text into the terms that the index holds of it under one analyser."""

    def __init__(self, kind: Analyser = Analyser.ENGLISH) -> None:
        self._analyser = tantivy_analyser(kind)

    def of(self, text: str) -> list[str]:
        """All terms in order, repetitions included."""
        return list(self._analyser.analyze(normalise(text)))

    def distinct(self, text: str, limit: int) -> list[str]:
        """The first `limit` different terms in order."""
        return list(dict.fromkeys(self.of(text)))[:limit]

    def words(self, text: str) -> list[Word]:
        """The words of a text with the term of each; a word that the index skips has none and is left out."""
        found = []
        for match in _WRITTEN_WORD.finditer(text):
            found += [Word(match.start(), match.end(), term) for term in self.of(match.group())]
        return found
