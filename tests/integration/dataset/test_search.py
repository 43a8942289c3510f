import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dataset_svc.index import TantivyIndex
from dataset_svc.model import Example, SearchHit, SearchQuery
from tests.support.bank_stores import example

PAIRS = {
    "biology": [
        ("What is DNA?", "A molecule that carries genetic information."),
        ("How does photosynthesis work?", "Plants turn light, water and carbon dioxide into sugar."),
        ("Why are leaves green?", "Chlorophyll reflects green light."),
    ],
    "geography": [
        ("What is the capital of France?", "Paris."),
        ("What is the capital of Mongolia?", "Ulaanbaatar."),
        ("What is the capital of France?", "It is the city of Paris."),
    ],
    "computing": [
        ("What is a B-tree?", "A balanced tree that databases use for their indexes."),
        ("How do I quote AND, OR and NOT?", 'Write "AND" in quotes; a ^ and a : need none.'),
        ("Don't panic", "Keep calm & carry <on>."),
        ("ما هي عاصمة فرنسا؟", "باريس"),
        ("你好吗", "我很好"),
        ("Où est le café naïf ?", "Là-bas."),
    ],
}


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[TantivyIndex]:
    opened = await TantivyIndex.open(tmp_path, heap_bytes=15_000_000)

    async def snapshot() -> AsyncIterator[tuple[int, list[Example]]]:
        flat = [(domain, *pair) for domain, pairs in PAIRS.items() for pair in pairs]
        yield (
            1,
            [
                example(number, domain=domain, prompt=prompt, response=response)
                for number, (domain, prompt, response) in enumerate(flat)
            ],
        )

    await opened.replace(snapshot())
    yield opened
    await opened.close()


async def ask(index: TantivyIndex, text: str, **fields: object) -> list[SearchHit]:
    [hits] = await index.search([SearchQuery(text, **fields)])  # type: ignore[arg-type]  # fields of a test's choice
    return hits


@pytest.mark.parametrize("pair", [pair for pairs in PAIRS.values() for pair in pairs])
async def test_every_prompt_finds_itself_first_and_surely(index: TantivyIndex, pair: tuple[str, str]) -> None:
    best = (await ask(index, pair[0]))[0]

    assert (best.example.prompt, best.confidence) == (pair[0], 1.0)


@pytest.mark.parametrize(
    ("question", "prompt"),
    [
        ("WHAT IS DNA", "What is DNA?"),
        ("tell me how photosynthesis works please", "How does photosynthesis work?"),
        ("capital mongolia", "What is the capital of Mongolia?"),
        ("why is a leaf green", "Why are leaves green?"),
        ("dont panic!", "Don't panic"),
        ("ou est le cafe naif", "Où est le café naïf ?"),
        ("你好", "你好吗"),
        ('"b" AND tree^2 prompt:b-tree (', "What is a B-tree?"),
    ],
)
async def test_a_question_in_other_words_finds_its_prompt(
    index: TantivyIndex, question: str, prompt: str
) -> None:
    best = (await ask(index, question))[0]

    assert best.example.prompt == prompt
    assert best.confidence > 0.4


@pytest.mark.parametrize(
    "question", ["What is the capital of Australia?", "Who is the king?", "How do I bake a cake?", "zebra"]
)
async def test_a_question_about_something_else_comes_out_low(index: TantivyIndex, question: str) -> None:
    assert all(
        hit.confidence < 0.5 for hit in await ask(index, question) if hit.example.domain != "geography"
    )


async def test_a_domain_filter_keeps_the_others_out_and_the_scores_as_they_are(index: TantivyIndex) -> None:
    everywhere = await ask(index, "light capital")
    within = await ask(index, "light capital", domains=("biology", "no such domain"))

    assert {hit.example.domain for hit in within} == {"biology"}
    assert [(hit.example.id, hit.score) for hit in within] == [
        (hit.example.id, hit.score) for hit in everywhere if hit.example.domain == "biology"
    ]
    assert await ask(index, "light", domains=("no such domain",)) == []


async def test_an_equal_prompt_comes_first_with_all_its_answers(index: TantivyIndex) -> None:
    hits = await ask(index, "what is the capital of france", limit=3)

    assert [hit.confidence == 1.0 for hit in hits] == [True, True, False]
    assert len({hit.example.response for hit in hits[:2]}) == 2


async def test_the_limit_is_kept(index: TantivyIndex) -> None:
    assert len(await ask(index, "what is the", limit=2)) == 2


async def test_a_typo_is_forgiven_where_nothing_matches(index: TantivyIndex) -> None:
    [hit] = await ask(index, "fotosynthesis photosinthesis", want_snippets=True)

    assert hit.example.prompt == "How does photosynthesis work?"
    assert 0.0 < hit.confidence < 0.9
    assert "<b>photosynthesis</b>" in hit.snippet_html
    assert await ask(index, "xyz qqq") == []


@pytest.mark.parametrize("text", ["?!", "  ", "\U0001f642", "\u200b", "___"])
async def test_a_text_without_words_finds_nothing(index: TantivyIndex, text: str) -> None:
    assert await ask(index, text) == []


async def test_only_the_first_64_words_count(index: TantivyIndex) -> None:
    filler = " ".join(f"filler{number}" for number in range(64))

    assert await ask(index, f"{filler} photosynthesis") == []
    assert await ask(index, f"photosynthesis {filler}") != []


async def test_a_snippet_and_an_explanation_come_when_asked_for(index: TantivyIndex) -> None:
    [plain] = await ask(index, "calm")
    [full] = await ask(index, "calm", want_snippets=True, want_explanation=True)

    assert (plain.snippet_html, plain.explanation_json) == ("", "")
    assert full.snippet_html == "Keep <b>calm</b> &amp; carry &lt;on&gt;."
    assert json.loads(full.explanation_json)["value"] == pytest.approx(full.score)


async def test_many_questions_are_answered_in_their_order(index: TantivyIndex) -> None:
    results = await index.search([SearchQuery("DNA"), SearchQuery("?"), SearchQuery("Mongolia")])

    assert [[hit.example.prompt for hit in hits] for hits in results] == [
        ["What is DNA?"],
        [],
        ["What is the capital of Mongolia?"],
    ]
