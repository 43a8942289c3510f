"""Queries of the index, built from terms: no character of what a person types is an operator.

The weights were measured, as the share of questions whose first hit is right, and nDCG@10 for SciFact:

    prompt x  function words x  starter bank  CLINC150 100/20/3 an intent  Dolly  its responses  SciFact
    2         1                 .883          .844 / .796 / .664           .975   .954           .624
    2         0.5               .933          .835 / .800 / .676           .977   .948           .627
    1.5       0.5               .917          .835 / .796 / .678           .970   .984           .657
"""

from collections.abc import Iterable, Sequence

import tantivy

from dataset_svc.confidence import FUNCTION_WORDS

MAX_TERMS = 64
PROMPT_BOOST = 1.5
FUNCTION_WORD_BOOST = 0.5
# An example asked for by its very prompt comes before any sum of word scores.
EXACT_BOOST = 1_000.0
# Below this length a word has too many neighbours at distance 1 for a typo to be told from another word.
MIN_FUZZY_CHARACTERS = 4


def words_query(
    schema: tantivy.Schema, terms: Sequence[str], exact: str, domains: Sequence[str]
) -> tantivy.Query:
    """Any of the terms, in prompt (weighted) or response; an equal prompt first."""
    matching: list[tantivy.Query] = [
        tantivy.Query.const_score_query(
            tantivy.Query.term_query(schema, "exact", exact, "basic"), EXACT_BOOST
        )
    ]
    for term in terms:
        boost = FUNCTION_WORD_BOOST if term in FUNCTION_WORDS else 1.0
        in_prompt = tantivy.Query.term_query(schema, "prompt", term, "freq")
        in_response = tantivy.Query.term_query(schema, "response", term, "freq")
        matching.append(tantivy.Query.boost_query(in_prompt, PROMPT_BOOST * boost))
        matching.append(tantivy.Query.boost_query(in_response, boost))
    return _within(schema, _any(matching), domains)


def fuzzy_query(schema: tantivy.Schema, terms: Iterable[str], domains: Sequence[str]) -> tantivy.Query | None:
    """Words one edit away from the terms, in the prompt; None if all terms are too short for that."""
    matching = [
        tantivy.Query.fuzzy_term_query(schema, "prompt", term, distance=1, transposition_cost_one=True)
        for term in terms
        if len(term) >= MIN_FUZZY_CHARACTERS
    ]
    return _within(schema, _any(matching), domains) if matching else None


def page_query(schema: tantivy.Schema, domain: str, first_key: int) -> tantivy.Query:
    """Examples whose order key is `first_key` or more; an empty domain means all."""
    onwards = tantivy.Query.range_query(schema, "key", tantivy.FieldType.Unsigned, lower_bound=first_key)
    return _within(schema, onwards, (domain,) if domain else ())


def id_query(schema: tantivy.Schema, example_id: str) -> tantivy.Query:
    """The example of this id."""
    return tantivy.Query.term_query(schema, "id", example_id, "basic")


def _any(matching: Sequence[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, each) for each in matching])


def _within(schema: tantivy.Schema, query: tantivy.Query, domains: Sequence[str]) -> tantivy.Query:
    if not domains:
        return query
    within = tantivy.Query.term_set_query(schema, "domain", list(domains))
    # A constant of nothing: the name of a domain must not count towards the score.
    unscored = tantivy.Query.const_score_query(within, 0.0)
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, unscored), (tantivy.Occur.Must, query)])
