"""A search: terms, ranking, and for each hit how sure it is. It blocks; the adapter runs it in a thread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tantivy

from dataset_svc.confidence import FUNCTION_WORDS, MOST_UNEQUAL, confidence, inverse_frequency, weigher
from dataset_svc.index_generation import Generation, mapped
from dataset_svc.index_query import MAX_TERMS, fuzzy_query, words_query
from dataset_svc.index_schema import exact_term, example_of
from dataset_svc.index_snippet import snippet
from dataset_svc.index_text import Terms, plain_words
from dataset_svc.model import Example, SearchHit, SearchQuery

# What a person asks is compared with the beginning of a long text only: it bounds the cost of a hit.
COMPARED_CHARACTERS = 4_000
# A hit by a word that is one edit away from the one asked for is the less sure for it.
TYPO_FACTOR = 0.8


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question on its way through the search."""

    query: SearchQuery
    terms: list[str]
    words: tuple[str, ...]
    weight: Callable[[str], float]
    fuzzy: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A hit as tantivy tells it."""

    example: Example
    score: float
    explanation_json: str


class Search:
    """Searches of one generation."""

    def __init__(self, generation: Generation, terms: Terms) -> None:
        self._schema = generation.schema
        self._searcher = generation.searcher
        self._terms = terms

    def run(self, query: SearchQuery) -> list[SearchHit]:
        """Hits, best first; a text without words finds nothing."""
        terms = self._terms.distinct(query.text, MAX_TERMS)
        if not terms or query.limit < 1:
            return []
        parsed = words_query(self._schema, terms, exact_term(query.text), query.domains)
        found = self._find(query, parsed)
        fuzzy = not found
        if fuzzy:
            tolerant = fuzzy_query(self._schema, terms, query.domains)
            found = self._find(query, tolerant) if tolerant is not None else []
        asked = _Asked(query, terms, plain_words(query.text), weigher(self._frequency), fuzzy)
        return [self._hit(asked, each) for each in found]

    def _find(self, query: SearchQuery, parsed: tantivy.Query) -> list[_Found]:
        with mapped():
            hits = self._searcher.search(parsed, limit=query.limit, count=False).hits
            return [
                _Found(
                    example=example_of(self._searcher.doc(address)),
                    score=score,
                    explanation_json=(
                        parsed.explain(self._searcher, address).to_json() if query.want_explanation else ""
                    ),
                )
                for score, address in hits
            ]

    def _frequency(self, term: str) -> float:
        with mapped():
            return inverse_frequency(self._searcher.num_docs, self._searcher.doc_freq("prompt", term))

    def _hit(self, asked: _Asked, found: _Found) -> SearchHit:
        example, marked = found.example, asked.terms
        prompt = self._terms.distinct(example.prompt[:COMPARED_CHARACTERS], COMPARED_CHARACTERS)
        if asked.fuzzy:
            marked = meant(asked.terms, prompt)
        return SearchHit(
            example=example,
            score=found.score,
            confidence=self._confidence(asked, marked, prompt, example),
            snippet_html=(
                snippet(example, telling(marked), self._terms) if asked.query.want_snippets else ""
            ),
            explanation_json=found.explanation_json,
        )

    def _confidence(
        self, asked: _Asked, marked: Sequence[str], prompt: Sequence[str], example: Example
    ) -> float:
        if asked.words and asked.words == plain_words(example.prompt):
            return 1.0

        def response() -> list[str]:
            return self._terms.of(example.response[:COMPARED_CHARACTERS])

        sure = confidence(marked, prompt, response, asked.weight)
        return min(sure, MOST_UNEQUAL) * (TYPO_FACTOR if asked.fuzzy else 1.0)


def telling(asked: Sequence[str]) -> frozenset[str]:
    """The terms that are worth marking: function words only if there are no others."""
    return frozenset(asked) - FUNCTION_WORDS or frozenset(asked)


def meant(asked: Sequence[str], offered: Sequence[str]) -> list[str]:
    """The terms that a question with typos meant: each one that is an edit away, or its own."""
    return [next((term for term in offered if one_edit_apart(each, term)), each) for each in asked]


def one_edit_apart(one: str, other: str) -> bool:
    """Whether a letter more, less or changed, or two neighbours swapped, make the one the other."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1 or one == other:
        return False
    at = next((i for i, letter in enumerate(one) if letter != other[i]), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped = one[:at] + one[at + 1 : at + 2] + one[at : at + 1] + one[at + 2 :]
    return one[at + 1 :] == other[at + 1 :] or swapped == other
