"""One text for questions that say the same in other words, so that they share a key; off unless asked for.

What may differ is a closed list: greetings, contractions, and a few ways to begin a question. All else has to
agree word for word and in order, for a name cannot be told from another word once the case is gone, and no
distance of letters or of vectors tells a word from its opposite ("is it safe", "is it not safe"). So it finds
few paraphrases, and the table of its test says which it must never find.

It is a function of the text alone: replicas agree on it, and leases, forgetting and near caches need not know
of it.
"""

import re
from typing import Final

from knowledge_svc.question import normalise

_GREETING: Final = re.compile(r"^(?:(?:hi|hello|hey)(?: there)?[,!. ]+)+(?=\w+ \w)")
# No articles: "what is a cold" and "what is cold", "vitamin a" and "vitamin" are two questions each. No
# fillers but after the question word: "not exactly" narrows.
_SAME: Final = (
    (re.compile(r"^(what|who|where|when|how|why)'s (?=(?:a|an|the|my|your|this|that)\b)"), r"\1 is "),
    (re.compile(r"^(what|who|where|how)'re\b"), r"\1 are"),
    (re.compile(r"^whats (?=(?:a|an|the|my|your|this|that)\b)"), "what is "),
    (re.compile(r"^(what|who|where|when|how|why) (?:exactly|actually) "), r"\1 "),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bcan't\b|\bcannot\b"), "can not"),
    (re.compile(r"\b(is|are|was|were|do|does|did|has|have|had|could|should|would|must)n't\b"), r"\1 not"),
    (re.compile(r"^how (?:do|can) (?:i|one) (?!(?:look|feel|seem|sound)\b)"), "how to "),
)


def plain_form(text: str) -> str:
    """Returns the form, which is not empty unless the text is."""
    plain = _GREETING.sub("", normalise(text))
    for pattern, same in _SAME:
        plain = pattern.sub(same, plain)
    return plain
