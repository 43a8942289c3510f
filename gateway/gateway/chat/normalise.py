"""The normal form of a message: one text for all the ways to put the same question.

It is what the bank is searched for and what cache keys are made of, so two messages with the same normal
form get the same answer. What carries meaning stays: inner punctuation ("c++", ".net", "3.14"), symbols,
negations. `normalise(normalise(x)) == normalise(x)` for every text.
"""

import re
import unicodedata
from typing import Final

_SPELLINGS: Final = str.maketrans(
    {
        "\u2018": "'",  # single quotation marks, of which the right one is also typed as an apostrophe
        "\u2019": "'",
        "\u02bc": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2010": "-",  # hyphens and dashes
        "\u2011": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u200b": " ",  # zero-width space and byte order mark: seen by nobody
        "\ufeff": " ",
    }
)
# Tried only where a run of marks begins, and possessive: a message of 16,000 marks costs no more than others.
_SENTENCE_MARKS: Final = re.compile(r"(?<![?!.,;:])[?!.,;:]++(?=\s|$)|(?<!\S)[?!¿¡,;]++(?=\w)")
_QUOTES: Final = re.compile(r"(?<!\w)[\"'`](?=\w)|(?<=\w)[\"'`](?!\w)")
_SPACE: Final = re.compile(r"\s+")
_ASKED_WORD: Final = r"(?=(?:what|who|whom|whose|where|when|why|how|which|whether|if)\b)"
_POLITE_START: Final = re.compile(
    rf"""^(?:
        (?:please|pls|kindly)\s
      | (?:could|can|would|will)\s(?:you|u)\s(?:please\s|kindly\s)?(?:tell|show|teach)\sme\s
      | (?:could|can|would|will)\s(?:you|u)\s(?:please\s|kindly\s)?(?=(?:explain|describe|define)\b)
      | (?:could|can|would|will)\s(?:you|u)\s(?:please|kindly)\s
      | i(?:'d|\swould)\s(?:like|love)\sto\sknow\s
      | i\swant(?:ed)?\sto\sknow\s
      | (?:do\syou\s(?:happen\sto\s)?know|i\swas\swondering|i\swonder|tell\sme)\s{_ASKED_WORD}
    )+""",
    re.VERBOSE,
)
_GREETING_START: Final = re.compile(r"^(?:hi|hello|hey|hiya|greetings)(?: there)?[,!.;:]+ (?=\S)")
# After two words at least, so that "ok thanks" stays what it is.
_POLITE_END: Final = re.compile(
    r"^(\S+ \S+.*?)(?: (?:please|pls|thx|(?:many )?(?:thanks|thank you)(?: in advance)?|if you can)){1,20}$"
)


def normalise(text: str) -> str:
    """Returns the normal form; it is empty only for a text in which there is nothing to see."""
    # A step may make room for one before it ("please, please ..."), so they go round until nothing
    # changes. That ends: every step after the first round shortens the text.
    while (simpler := _simplify(text)) != text:
        text = simpler
    return text


def _simplify(text: str) -> str:
    # Folding may leave a text that is composed otherwise, hence the second composition.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _tidy(text.translate(_SPELLINGS))
    for surplus in (_GREETING_START, _SENTENCE_MARKS, _QUOTES, _POLITE_START):
        # A message of nothing but marks or courtesies ("???", "please") keeps them.
        text = _tidy(surplus.sub("", text)) or text
    return _POLITE_END.sub(r"\1", text)


def _tidy(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
