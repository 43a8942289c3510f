"""What a search finds, measured on banks with known answers; `index_query` tells what the weights gave."""

import gzip
import json
from collections.abc import Callable, Iterable
from itertools import count
from math import log2
from pathlib import Path
from typing import Any

import pytest

from dataset_svc.index_generation import Generation
from dataset_svc.index_query import FUNCTION_WORD_POSTINGS
from dataset_svc.index_search import Search
from dataset_svc.index_text import Terms
from dataset_svc.model import Analyser, Example, SearchHit, SearchQuery
from dataset_svc.starter import starter_examples, starter_files

TERMS = {kind: Terms(kind) for kind in Analyser}
# As in a bank of any size, and as in one so large that all form words are left to the forms.
BUDGETS = pytest.mark.parametrize("postings", [FUNCTION_WORD_POSTINGS, 0], ids=["read", "by form"])

Ask = Callable[..., list[SearchHit]]


def bank(directory: Path, rows: Iterable[tuple[str, str, str]], postings: int) -> Ask:
    """A bank of (id, prompt, response), to be asked."""
    generation = Generation(directory, TERMS, 15_000_000)
    generation.put(Example(each, "bank", prompt, response, "{}", 0.0, 0.0) for each, prompt, response in rows)
    generation.commit(1)
    search = Search(generation, postings)
    return lambda text, limit=10: search.run(SearchQuery(text, limit=limit))


@BUDGETS
@pytest.mark.parametrize(
    ("question", "prompt"),
    [
        ("how many planets does our solar system have", "How many planets are in the solar system?"),
        ("why isnt pluto a planet any more", "Why is Pluto no longer a planet?"),
        ("explain what DNA is please", "What is DNA?"),
        ("how do plants do photosynthesis", "How does photosynthesis work?"),
        ("cooking rice, how?", "How do I cook rice?"),
        ("how long should an egg be boiled", "How long do I boil an egg?"),
        ("whats cymatics", "What is cymatics?"),
        ("tell me about chladni's figures", "What are Chladni figures?"),
        ("database indexes: what are they", "What is a database index?"),
        ("ACID, what do the letters stand for", "What does ACID stand for?"),
        ("reading tracebacks of python", "How do I read a Python traceback?"),
        ("how much water is one to drink daily", "How much water should I drink a day?"),
    ],
)
def test_the_starter_bank_knows_what_is_meant(
    tmp_path: Path, question: str, prompt: str, postings: int
) -> None:
    numbers = count()
    starter = starter_examples(starter_files(), clock=lambda: 0.0, new_id=lambda: f"{next(numbers)}")
    ask = bank(tmp_path, ((each.id, each.prompt, each.response) for each in starter), postings)

    assert ask(question)[0].example.prompt == prompt


@BUDGETS
def test_the_nearest_of_ten_thousand_questions_has_the_same_intent(
    public_data: Path, tmp_path: Path, postings: int
) -> None:
    data = json.loads((public_data / "intent/clinc150/train_val.json").read_text())
    rows = [(f"{intent}-{number}", text, "") for number, (text, intent) in enumerate(data["train"])]
    ask = bank(tmp_path, rows, postings)
    questions = data["val"][::3]

    right = sum(
        bool(hits) and hits[0].example.id.rsplit("-", 1)[0] == intent
        for text, intent in questions
        for hits in [ask(text, limit=1)]
    )

    assert right / len(questions) >= 0.82


@BUDGETS
def test_the_abstract_that_a_claim_is_about_comes_high(
    public_data: Path, tmp_path: Path, postings: int
) -> None:
    folder = public_data / "retrieval/scifact-train"
    with gzip.open(folder / "corpus.jsonl.gz", "rt") as corpus:
        documents = [json.loads(line) for line in corpus]
    ask = bank(tmp_path, [(str(each["_id"]), each["title"], each["text"]) for each in documents], postings)
    claims: dict[str, Any] = {
        str(each["_id"]): each["text"]
        for [path] in [list(folder.glob("queries*"))]
        for each in map(json.loads, path.read_text().splitlines())
    }
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels_train.tsv").read_text().splitlines()[1:]:
        claim, document, _ = line.split()
        relevant.setdefault(claim, set()).add(document)

    gains = [
        ndcg([hit.example.id for hit in ask(claims[claim])], wanted)
        for claim, wanted in list(relevant.items())[::3]
    ]

    assert sum(gains) / len(gains) >= 0.64


def ndcg(found: list[str], wanted: set[str]) -> float:
    gain = sum(1 / log2(rank + 2) for rank, each in enumerate(found) if each in wanted)
    return gain / sum(1 / log2(rank + 2) for rank in range(min(10, len(wanted))))
