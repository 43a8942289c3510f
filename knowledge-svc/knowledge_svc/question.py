"""The normal form of a question: one text for the ways of writing it that no answer depends on.

The gateway sends questions in a normal form of its own; this one makes sure of it for every caller. What
carries meaning stays: inner punctuation ("c++", ".net", "3.14"), symbols, negations.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

# Questions of a gateway come again and again; each costs some 10 µs the first time.
_REMEMBERED: Final = 4_096
_REMEMBERED_CHARACTERS: Final = 256

_APOSTROPHES: Final = str.maketrans("\u2018\u2019\u02bc", "'''")
_SENTENCE_MARKS: Final = re.compile(r"(?<![?!.,;:…])[?!.,;:…]++(?=\s|$)|(?<!\S)[?!¿¡]++(?=\w)")
_POLITE_START: Final = re.compile(
    r"(?:(?:please|pls|kindly) "
    r"|(?:could|can|would|will) you (?:please |kindly )?(?:tell|show|teach) me "
    r"|(?:could|can|would|will) you (?:please|kindly) "
    r"|(?:i'd|i would) (?:like|love) to know "
    r"|(?:do you know|i was wondering|i wonder|tell me) (?=(?:what|who|whose|where|when|why|how|which|if)\b)"
    r")+(?=\S)"
)


def normalise(text: str) -> str:
    """Returns the normal form; normalising it again changes nothing."""
    return _remembered(text) if len(text) <= _REMEMBERED_CHARACTERS else _normalised(text)


def _normalised(text: str) -> str:
    # A step may make room for one before it, so they go round until nothing changes; each shortens the text.
    while (simpler := _simplified(text)) != text:
        text = simpler
    return text


_remembered = lru_cache(_REMEMBERED)(_normalised)


def _simplified(text: str) -> str:
    # Folding can undo the composition (Unicode 3.13, "caseless matching"), hence the second NFKC.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _tidy(text.translate(_APOSTROPHES))
    # A question of nothing but marks or courtesies ("???", "please") keeps them.
    text = _tidy(_SENTENCE_MARKS.sub("", text)) or text
    polite = _POLITE_START.match(text)
    return text[polite.end() :] if polite else text


def _tidy(text: str) -> str:
    return " ".join(text.split())
