"""A made-up bank of any size, the same for the same seed: prompts, responses and questions to ask of them.

Words follow Zipf's law as in English (the r-th most frequent of 100,000 with a weight of 1 / (r + 2.7)); the
first 120 ranks are function words of English, all others are invented. In 100,000 real pairs of people the
most frequent word is in 37 % of the pairs, the hundredth in 2 %, the thousandth in 0.18 %, and prompt and
response have 11 and 10 words; here it is 45 %, 2.6 % and 0.27 %, and 11 and 22 words: a little harder.
"""

import random
from collections.abc import Iterator
from itertools import accumulate

VOCABULARY = 100_000
POOL_WORDS = 500_000
PROMPT_WORDS, RESPONSE_WORDS = (4, 18), (4, 40)
QUESTION_WORDS = 8

_FUNCTION_WORDS = """
    the a to you i is in of for and that what on at it have like me can there with this your do be how are
    was not my or if but from we will they by so would about just as an when which know he get who should
    could all more where does some why their has any than been no did our them had his her were its out up
    one go she then want need say tell make us here now may please only many much too him think over also
    good very into did these those because after before while off again same both few most other such own
    each down until above
""".split()  # noqa: SIM905 - a paragraph is read at a glance
_ONSETS = "b d f g k l m n p r s t v z br dr gr kl pl st tr".split()  # noqa: SIM905 - as above
_VOWELS = "a e i o u".split()  # noqa: SIM905 - as above
_CODAS = "k l m n p r t x".split()  # noqa: SIM905 - as above


class MadeUpBank:
    """Rows and questions from a seed."""

    def __init__(self, seed: int = 7) -> None:
        self._seed = seed
        source = random.Random(seed)  # noqa: S311 - a benchmark's rows, not a secret
        weights = accumulate(1 / (rank + 2.7) for rank in range(1, VOCABULARY + 1))
        self._pool = source.choices(list(_vocabulary()), cum_weights=list(weights), k=POOL_WORDS)

    def pairs(self, rows: int) -> Iterator[tuple[str, str]]:
        """Prompts with their responses; those of a smaller bank are the first of a larger one."""
        source = random.Random(self._seed)  # noqa: S311 - as above
        choices, between = source.choices, source.randint
        for number in range(rows):
            prompt = choices(self._pool, k=between(*PROMPT_WORDS))
            response = choices(self._pool, k=between(*RESPONSE_WORDS))
            yield f"{' '.join(prompt)}?", f"{' '.join(response)}, {number}."

    def questions(self, rows: int, number: int) -> list[str]:
        """Eight words, or all, of prompts spread over the first `rows` rows, in another order."""
        source = random.Random(self._seed + 1)  # noqa: S311 - as above
        step = max(1, rows // number)
        asked = []
        for at, (prompt, _) in enumerate(self.pairs(min(rows, step * number))):
            if at % step == 0:
                words = prompt.rstrip("?").split()
                asked.append(" ".join(source.sample(words, min(QUESTION_WORDS, len(words)))))
        return asked


def _vocabulary() -> Iterator[str]:
    """VOCABULARY different words, the most frequent first."""
    yield from dict.fromkeys(_FUNCTION_WORDS)
    source = random.Random(11)  # noqa: S311 - as above
    known = set(_FUNCTION_WORDS)
    while len(known) < VOCABULARY:
        syllables = (source.choice(_ONSETS) + source.choice(_VOWELS) for _ in range(source.randint(1, 3)))
        word = "".join(syllables) + source.choice(_CODAS)
        if word not in known:
            known.add(word)
            yield word
