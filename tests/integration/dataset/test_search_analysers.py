"""Datasets under the two analysers, beside each other in one index, and the words left to the forms."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_svc.index import TantivyIndex
from dataset_svc.index_generation import Generation
from dataset_svc.index_search import Search
from dataset_svc.index_text import Terms
from dataset_svc.model import Analyser, Change, ChangeKind, Example, SearchHit, SearchQuery
from tests.support.bank_stores import example

ENGLISH = [
    ("How old is the universe?", "Some 13.8 billion years."),
    ("Who is running the oldest university?", "Bologna."),
]
GERMAN = [
    ("Wie alt ist das Universum?", "Etwa 13,8 Milliarden Jahre."),
    ("Was ist Running?", "Ein Wort für Laufen."),
    ("Wer ist Häuser?", "Ein Name, kein Haus."),
    ("Was kostet ein Haus?", "Mehr als Häuschen kosten."),
]


def rows(domain: str, pairs: list[tuple[str, str]], kind: Analyser, first: int) -> list[Example]:
    return [
        replace(example(number, domain=domain, prompt=prompt, response=response), analyser=kind)
        for number, (prompt, response) in enumerate(pairs, first)
    ]


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[TantivyIndex]:
    opened = await TantivyIndex.open(tmp_path, heap_bytes=15_000_000)

    async def snapshot() -> AsyncIterator[tuple[int, list[Example]]]:
        yield 1, rows("english", ENGLISH, Analyser.ENGLISH, 0) + rows("german", GERMAN, Analyser.NEUTRAL, 10)

    await opened.replace(snapshot())
    yield opened
    await opened.close()


async def ask(index: TantivyIndex, text: str, **fields: object) -> list[SearchHit]:
    [hits] = await index.search([SearchQuery(text, **fields)])  # type: ignore[arg-type]  # fields of a test's choice
    return hits


async def test_english_words_are_found_by_their_stem_and_neutral_ones_as_they_are(
    index: TantivyIndex,
) -> None:
    assert [hit.example.prompt for hit in await ask(index, "runs")] == [
        "Who is running the oldest university?"
    ]
    assert [hit.example.prompt for hit in await ask(index, "RUNNING", domains=("german",))] == [
        "Was ist Running?"
    ]
    assert [hit.example.prompt for hit in await ask(index, "HAUSER")] == ["Wer ist Häuser?"]


@pytest.mark.parametrize("pair", ENGLISH + GERMAN)
async def test_every_prompt_finds_itself_first_and_surely(index: TantivyIndex, pair: tuple[str, str]) -> None:
    best = (await ask(index, pair[0].upper().replace("?", "!")))[0]

    assert (best.example.prompt, best.confidence) == (pair[0], 1.0)


async def test_a_neutral_hit_is_marked_explained_and_sure_of_by_its_own_words(index: TantivyIndex) -> None:
    best = (await ask(index, "kostet haus wieviel", want_snippets=True, want_explanation=True))[0]

    assert best.snippet_html == "Was <b>kostet</b> ein <b>Haus</b>?"
    assert 0.4 < best.confidence < 1.0
    assert json.loads(best.explanation_json)["value"] == pytest.approx(best.score)


async def test_a_typo_in_a_neutral_prompt_is_forgiven(index: TantivyIndex) -> None:
    assert [hit.example.prompt for hit in await ask(index, "Universsum")] == ["Wie alt ist das Universum?"]


async def test_another_analyser_of_a_dataset_takes_the_place_of_the_first(index: TantivyIndex) -> None:
    english = [
        replace(each, analyser=Analyser.ENGLISH) for each in rows("german", GERMAN, Analyser.NEUTRAL, 10)
    ]
    assert await ask(index, "runs", domains=("german",)) == []

    changes = [Change(2 + at, ChangeKind.UPDATED, each.id, "german", each) for at, each in enumerate(english)]
    await index.apply(changes, sequence=10)

    assert index.documents == len(ENGLISH) + len(GERMAN)
    assert [hit.example.prompt for hit in await ask(index, "runs", domains=("german",))] == [
        "Was ist Running?"
    ]


def test_words_left_to_the_forms_rank_and_are_explained(tmp_path: Path) -> None:
    generation = Generation(tmp_path, {kind: Terms(kind) for kind in Analyser}, 15_000_000)
    pairs = [("Have you got some name?", "a"), ("Name what is his?", "b"), ("Name it!", "c"), ("Light", "d")]
    generation.put(rows("names", pairs, Analyser.ENGLISH, 0))
    generation.commit(1)

    hits = Search(generation, 0).run(SearchQuery("what is the name of his dog", want_explanation=True))

    assert hits[0].example.prompt == "Name what is his?"
    for hit in hits:
        explained = json.loads(hit.explanation_json)
        assert explained["value"] == pytest.approx(hit.score)
        assert sum(each["value"] for each in explained["details"]) == pytest.approx(hit.score)
    assert "'his' in the prompt" in hits[0].explanation_json
    only_function_words = Search(generation, 0).run(SearchQuery("what is it"))
    assert {hit.example.response for hit in only_function_words} == {"b", "c"}
