"""How sure it is that an example answers a question: a number from 0 to 1, comparable across searches.

The BM25 score only ranks. The confidence compares question and prompt word by word, each word weighing its
inverse document frequency over the prompts of the bank (a word the bank has never seen weighs the most, so
that a question about something else comes out low):

    confidence = coverage of the question ^ 2/3 * coverage of the prompt ^ 1/3

Coverage of the question is the weight of its words that the prompt has, a word that only the response has
counting 0.3, over the weight of all its words; coverage of the prompt likewise, the other way round.
Function words weigh half of it: in a small bank they are too rare for the document frequency to tell.
The same words in the same order are 1.0, whatever their case and punctuation; anything else stays below.

Measured on banks of people's sentences: the area under the ROC curve of "the first hit is right" against
questions that the bank cannot answer, the medians of both, and the share of each at 0.5 or above.

    bank                                            AUC   medians       at 0.5 or above
    CLINC150, 100 prompts an intent                 .954  .69 and .34   .85 and .06
    CLINC150, 20 prompts an intent                  .937  .60 and .29   .68 and .04
    CLINC150, 3 prompts an intent                   .902  .46 and .24   .38 and .01
    Dolly, 5,000 prompts, a word or phrase changed  .973  .88 and .36   1.00 and .23
    starter bank, 60 reworded questions of ours     .991  .76 and .19   .93 and .03

Dolly's .23 are mostly held-out questions of a form that the bank has hundreds of ("Which is a species of
fish? Tope or Rope"). Coverage of the question alone has .938, .925, .891 and .943 on the first four, that
of the prompt alone .851, .832, .825 and .967; with function words at full weight they are .951, .929,
.875 and .958.
"""

from collections.abc import Callable, Collection, Sequence
from math import log

RESPONSE_CREDIT = 0.3
FUNCTION_WORD_WEIGHT = 0.5
# What is not the very same prompt stays below certainty.
MOST_UNEQUAL = 0.99

# As the index stems them. Apostrophes are closed up before.
FUNCTION_WORDS = frozenset(
    """
    a about after am an and ani are at be been befor but by can could describ did do doe done dont explain
    for from get give had has have he hello her here hey hi him his how i id if im in into is it its ive just
    know let make mani may me might mine much must my need no not of ok on or our over pleas say shall she
    should show so some tell than thank that the their them then there these they this those to us veri want
    was we were what when where which who whom whose whi will with would yes you your
    """.split()  # noqa: SIM905 - a paragraph is read at a glance, a list of 115 lines is not
)


def inverse_frequency(documents: int, containing: int) -> float:
    """BM25's own IDF (Robertson and Spärck Jones, kept positive as in Lucene)."""
    containing = min(containing, documents)  # the index counts deleted documents too until it merges them
    return log(1 + (documents - containing + 0.5) / (containing + 0.5))


def weigher(
    frequency: Callable[[str], float], function_words: Collection[str] = FUNCTION_WORDS
) -> Callable[[str], float]:
    """The weight of a term from its inverse frequency, each looked up once."""
    known: dict[str, float] = {}

    def weight(term: str) -> float:
        if term not in known:
            known[term] = frequency(term) * (FUNCTION_WORD_WEIGHT if term in function_words else 1.0)
        return known[term]

    return weight


def confidence(
    question: Sequence[str],
    prompt: Sequence[str],
    response: Callable[[], Sequence[str]],
    weight: Callable[[str], float],
) -> float:
    """The formula above, for distinct terms; `response` is only called if the prompt lacks some of them."""
    asked, offered = set(question), set(prompt)
    shared = sum(map(weight, asked & offered))
    missing = asked - offered
    credit = RESPONSE_CREDIT * sum(map(weight, missing.intersection(response()))) if missing else 0.0
    of_question = _part(shared + credit, sum(map(weight, asked)))
    of_prompt = _part(shared, sum(map(weight, offered)))
    return float(min(MOST_UNEQUAL, of_question ** (2 / 3) * of_prompt ** (1 / 3)))


def _part(held: float, whole: float) -> float:
    return held / whole if whole > 0 else 0.0
