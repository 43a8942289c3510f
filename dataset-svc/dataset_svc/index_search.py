"""A search: terms, ranking, and for each hit how sure it is. It blocks; the adapter runs it in a thread."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import tantivy

from dataset_svc.confidence import FUNCTION_WORDS, MOST_UNEQUAL, confidence, weigher
from dataset_svc.index_form import credited
from dataset_svc.index_generation import Generation, mapped
from dataset_svc.index_query import (
    FUNCTION_WORD_POSTINGS,
    MAX_TERMS,
    WordsQuery,
    exact_query,
    fuzzy_query,
    within,
    words_query,
)
from dataset_svc.index_schema import TEXTS, exact_term, example_of
from dataset_svc.index_snippet import snippet
from dataset_svc.index_text import plain_words
from dataset_svc.model import Analyser, Example, SearchHit, SearchQuery

# What a person asks is compared with the beginning of a long text only: it bounds the cost of a hit.
COMPARED_CHARACTERS = 4_000
# A hit by a word that is one edit away from the one asked for is the less sure for it.
TYPO_FACTOR = 0.8
# Hits by the words of the query among which those left to the forms decide.
CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question on its way through the search, under each analyser that the index has documents of."""

    query: SearchQuery
    words: tuple[str, ...]
    terms: Mapping[Analyser, list[str]]
    weight: Mapping[Analyser, Callable[[str], float]]


@dataclass(frozen=True, slots=True)
class _Found:
    """A hit as tantivy tells it, and what it got beside for the words of its form."""

    address: Any
    score: float
    query: tantivy.Query
    credited: Mapping[str, float]


class Search:
    """Searches of one generation; see `index_query` for `function_word_postings`."""

    def __init__(self, generation: Generation, function_word_postings: int = FUNCTION_WORD_POSTINGS) -> None:
        self._function_word_postings = function_word_postings
        self._schema = generation.schema
        self._searcher = generation.searcher
        self._frequencies = generation.frequencies
        self._terms = generation.terms

    def run(self, query: SearchQuery) -> list[SearchHit]:
        """Hits, best first; a text without words finds nothing."""
        with mapped():
            asked = self._asked(query)
            if not any(asked.terms.values()) or query.limit < 1:
                return []
            found = self._matching(asked)
            fuzzy = not found
            if fuzzy:
                tolerant = fuzzy_query(self._schema, asked.terms)
                found = self._find(tolerant, query, query.limit) if tolerant is not None else []
            return [self._hit(asked, each, fuzzy=fuzzy) for each in found]

    def _asked(self, query: SearchQuery) -> _Asked:
        kinds = self._frequencies.kinds
        return _Asked(
            query=query,
            words=plain_words(query.text),
            terms={kind: self._terms[kind].distinct(query.text, MAX_TERMS) for kind in kinds},
            weight={
                kind: weigher(self._inverse(kind), FUNCTION_WORDS if kind is Analyser.ENGLISH else ())
                for kind in kinds
            },
        )

    def _inverse(self, kind: Analyser) -> Callable[[str], float]:
        return partial(self._frequencies.inverse, TEXTS[kind].prompt)

    def _matching(self, asked: _Asked) -> list[_Found]:
        """Those with an equal prompt, then those with any of the words."""
        query, english = asked.query, TEXTS[Analyser.ENGLISH].prompt
        words = words_query(
            self._schema,
            asked.terms,
            partial(self._frequencies.containing, english),
            self._inverse(Analyser.ENGLISH),
            self._function_word_postings,
        )
        first: list[_Found] = []
        exact = exact_term(query.text)
        if self._frequencies.containing("exact", exact):
            first = self._find(exact_query(self._schema, exact, words.query), query, query.limit)
        if len(first) == query.limit:
            return first
        known = {_place(each) for each in first}
        others = [each for each in self._by_words(words, query) if _place(each) not in known]
        return first + others[: query.limit - len(first)]

    def _by_words(self, words: WordsQuery, query: SearchQuery) -> list[_Found]:
        if not words.by_form:
            return self._find(words.query, query, query.limit)
        parsed = within(self._schema, words.query, query.domains)
        hits = self._hits(parsed, max(CANDIDATES, 2 * query.limit))
        forms = self._forms([address for _, address in hits])
        more = credited(words.by_form, forms)
        best = sorted(
            ((score + beside, address) for (score, address), beside in zip(hits, more, strict=True)),
            key=itemgetter(0),
            reverse=True,
        )
        return [_Found(address, score, parsed, words.by_form) for score, address in best[: query.limit]]

    def _find(self, parsed: tantivy.Query, query: SearchQuery, limit: int) -> list[_Found]:
        parsed = within(self._schema, parsed, query.domains)
        return [_Found(address, score, parsed, {}) for score, address in self._hits(parsed, limit)]

    def _hits(self, parsed: tantivy.Query, limit: int) -> list[tuple[float, Any]]:
        hits: list[tuple[float, Any]] = self._searcher.search(parsed, limit=limit, count=False).hits
        return hits

    def _forms(self, addresses: list[Any]) -> list[int]:
        return [int(form or 0) for form in self._searcher.fast_field_values("form", addresses)]

    def _hit(self, asked: _Asked, found: _Found, *, fuzzy: bool) -> SearchHit:
        example, query = example_of(self._searcher.doc(found.address)), asked.query
        kind = example.analyser
        terms, marked = self._terms[kind], asked.terms.get(kind, [])
        prompt = terms.distinct(example.prompt[:COMPARED_CHARACTERS], COMPARED_CHARACTERS)
        if fuzzy:
            marked = meant(marked, prompt)
        sure = self._confidence(asked, marked, prompt, example)
        return SearchHit(
            example=example,
            score=found.score,
            confidence=sure * TYPO_FACTOR if fuzzy else sure,
            snippet_html=snippet(example, telling(marked), terms) if query.want_snippets else "",
            explanation_json=self._explanation(found) if query.want_explanation else "",
        )

    def _confidence(
        self, asked: _Asked, marked: Sequence[str], prompt: Sequence[str], example: Example
    ) -> float:
        if asked.words and asked.words == plain_words(example.prompt):
            return 1.0

        def response() -> list[str]:
            return self._terms[example.analyser].of(example.response[:COMPARED_CHARACTERS])

        sure = confidence(marked, prompt, response, asked.weight[example.analyser])
        return min(sure, MOST_UNEQUAL)

    def _explanation(self, found: _Found) -> str:
        told = json.loads(found.query.explain(self._searcher, found.address).to_json())
        if not found.credited:
            return json.dumps(told)
        forms = self._forms([found.address])
        details = [
            {"value": weight, "description": f"{word!r} in the prompt, whose postings were not read"}
            for word, weight in found.credited.items()
            if any(credited({word: weight}, forms))
        ]
        return json.dumps({"value": found.score, "description": "Sum of ...", "details": [told, *details]})


def _place(found: _Found) -> tuple[int, int]:
    return found.address.segment_ord, found.address.doc


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
