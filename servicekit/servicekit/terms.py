"""What a text is about, as far as its words tell without knowing the language.

The cache and the gateways' near caches tell by it which answers an addition to the bank could improve, so
both have to see the same terms in a text.
"""

import re
import unicodedata
from typing import Final

Terms = frozenset[str]

_LEAST_SHARE: Final = 0.25
# Words of four letters and more are equal if they begin alike: neither language nor stem is known.
_STEM_CHARACTERS: Final = 4
# The rest of a longer text says no more about what it is about.
_MAX_WORDS: Final = 64
# Chinese and Japanese are written without spaces: a character is a word.
_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_APOSTROPHE: Final = re.compile("(?<=\\w)['\u2019\u02bc](?=\\w)")
_FUNCTION_WORDS: Final = frozenset(
    """
    a about after am an and any are at be been before but by can could describe did do does doing done dont
    explain for from get give had has have he hello her here hey hi him his how i id if im in into is it its
    ive just kindly know let make many may me might mine much must my need no not of ok on or our over please
    pls say shall she should show so some tell than thank that the their them then there these they this
    those to us very want was we were what whats when where which who whom whose why will with wonder
    wondering would yes you your
    """.split()  # noqa: SIM905 - a paragraph is read at a glance, a list of 120 lines is not
)


def terms_of(text: str) -> Terms:
    """Returns what a text is about: its words without function words, or with them if it has no others."""
    folded = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", text).casefold())
    words = _WORD.findall(folded)[:_MAX_WORDS]
    return frozenset(word[:_STEM_CHARACTERS] for word in words if word not in _FUNCTION_WORDS) or frozenset(
        word[:_STEM_CHARACTERS] for word in words
    )


def could_answer(prompt: Terms | None, question: Terms) -> bool:
    """Whether an example could take the place of an answer to the question; None stands for any prompt.

    A new example can only take an answer's place if its prompt speaks of what was asked. The bank's
    confidence in an example (dataset-svc, confidence.py) is at most the share of the question's words that
    the prompt has, to the power of 2/3, and the gateway quotes from 0.5 on, which is a share of 0.35. Words
    weigh by rarity there and equally here, so `_LEAST_SHARE` is lower. An answer that is marked in vain is
    worked out once more; one that is not marked stays as it is until its time is over.
    """
    return prompt is None or not question or len(question & prompt) >= _LEAST_SHARE * len(question)
