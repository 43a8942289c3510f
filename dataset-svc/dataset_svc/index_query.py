"""Queries of the index, built from terms: no character of what a person types is an operator.

The weights were measured, as the share of questions whose first hit is right, and nDCG@10 for SciFact:

    prompt x  function words x  starter bank  CLINC150 100/20/3 an intent  Dolly  its responses  SciFact
    2         1                 .883          .844 / .796 / .664           .975   .954           .624
    2         0.5               .933          .835 / .800 / .676           .977   .948           .627
    1.5       0.5               .917          .835 / .796 / .678           .970   .984           .657

In responses function words tell nothing and are not looked for: CLINC150 .837 / .797 / .678, SciFact .656.

tantivy skips most of a posting list (block-max WAND) only if the query is a plain disjunction of terms. So an
equal prompt is looked for by itself, and the dearest function words are left to `index_form`. Milliseconds at
the median and the 99th percentile and the share of questions whose prompt is first and among the first five,
for 400 questions that lack a third of their words, to 1,000,000 prompts of people and mixtures of them:

    all words in both fields, equal prompts in the same query   4.3   12    .71  .80
    function words in the prompt only, equal prompts apart      1.53  3.9   .70  .82
    without function words                                      0.34  2.0   .57  .68
    those of up to 100,000 postings, the others by their form   0.63  1.8   .71  .82
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import tantivy

from dataset_svc.confidence import FUNCTION_WORDS
from dataset_svc.index_form import FORM_WORDS
from dataset_svc.index_schema import TEXTS, Texts
from dataset_svc.model import Analyser

MAX_TERMS = 64
PROMPT_BOOST = 1.5
FUNCTION_WORD_BOOST = 0.5
# Postings of function words that a query may read; beyond it their presence is taken from the forms of hits.
FUNCTION_WORD_POSTINGS = 100_000
# An example asked for by its very prompt comes before any sum of word scores.
EXACT_BOOST = 1_000.0
# Below this length a word has too many neighbours at distance 1 for a typo to be told from another word.
MIN_FUZZY_CHARACTERS = 4

Asked = Mapping[Analyser, Sequence[str]]
"""The terms of a question under each analyser that the index has documents of."""


@dataclass(frozen=True, slots=True)
class WordsQuery:
    """`query` finds and scores; `by_form` is what a hit gets beside it for each word that its form has."""

    query: tantivy.Query
    by_form: Mapping[str, float]


def words_query(
    schema: tantivy.Schema,
    asked: Asked,
    containing: Callable[[str], int],
    inverse_frequency: Callable[[str], float],
    function_word_postings: int = FUNCTION_WORD_POSTINGS,
) -> WordsQuery:
    """Any of the terms, in prompt (weighted) or response.

    `containing` tells how many English prompts have a term, `inverse_frequency` its weight in BM25.
    """
    english, texts = asked.get(Analyser.ENGLISH, ()), TEXTS[Analyser.ENGLISH]
    telling = [term for term in english if term not in FUNCTION_WORDS]
    matching = _in_both(schema, telling, texts)
    matching += _in_both(schema, asked.get(Analyser.NEUTRAL, ()), TEXTS[Analyser.NEUTRAL])
    left, by_form, boost = function_word_postings, {}, PROMPT_BOOST * FUNCTION_WORD_BOOST
    for term in sorted(set(english) & FUNCTION_WORDS, key=lambda each: (containing(each), each)):
        postings = containing(term)
        if telling and postings > left and term in FORM_WORDS:
            by_form[term] = boost * inverse_frequency(term)
        else:
            left -= postings
            matching.append(_boosted(schema, texts.prompt, term, boost))
    return WordsQuery(_any(matching), by_form)


def _in_both(schema: tantivy.Schema, terms: Sequence[str], texts: Texts) -> list[tantivy.Query]:
    in_prompt = [_boosted(schema, texts.prompt, term, PROMPT_BOOST) for term in terms]
    return in_prompt + [_boosted(schema, texts.response, term, 1.0) for term in terms]


def _boosted(schema: tantivy.Schema, field: str, term: str, boost: float) -> tantivy.Query:
    return tantivy.Query.boost_query(tantivy.Query.term_query(schema, field, term, "freq"), boost)


def exact_query(schema: tantivy.Schema, exact: str, words: tantivy.Query) -> tantivy.Query:
    """Examples with this very prompt, scored by the words beside it."""
    equal = tantivy.Query.const_score_query(
        tantivy.Query.term_query(schema, "exact", exact, "basic"), EXACT_BOOST
    )
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, equal), (tantivy.Occur.Should, words)])


def fuzzy_query(schema: tantivy.Schema, asked: Asked) -> tantivy.Query | None:
    """Words one edit away from the terms, in the prompt; None if all terms are too short for that."""
    matching = [
        tantivy.Query.fuzzy_term_query(
            schema, TEXTS[kind].prompt, term, distance=1, transposition_cost_one=True
        )
        for kind, terms in asked.items()
        for term in terms
        if len(term) >= MIN_FUZZY_CHARACTERS
    ]
    return _any(matching) if matching else None


def page_query(schema: tantivy.Schema, domain: str, first_key: int, last_key: int) -> tantivy.Query:
    """Examples whose order key is between these two, both included; an empty domain means all."""
    between = tantivy.Query.range_query(
        schema, "key", tantivy.FieldType.Unsigned, lower_bound=first_key, upper_bound=last_key
    )
    return within(schema, between, (domain,) if domain else ())


def id_query(schema: tantivy.Schema, example_id: str) -> tantivy.Query:
    """The example of this id."""
    return tantivy.Query.term_query(schema, "id", example_id, "basic")


def _any(matching: Sequence[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, each) for each in matching])


def within(schema: tantivy.Schema, query: tantivy.Query, domains: Sequence[str]) -> tantivy.Query:
    """The same query, of these domains only; none means all."""
    if not domains:
        return query
    within = tantivy.Query.term_set_query(schema, "domain", list(domains))
    # A constant of nothing: the name of a domain must not count towards the score.
    unscored = tantivy.Query.const_score_query(within, 0.0)
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, unscored), (tantivy.Occur.Must, query)])
