"""The starter bank as files: what a person who edits them must keep to."""

import json
import re
import unicodedata
from collections import defaultdict
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import pytest

STARTER = resources.files("dataset_svc") / "starter"
FILES = sorted(
    (file for file in STARTER.iterdir() if file.name.endswith(".jsonl")), key=lambda file: file.name
)
SHORT_ANSWERS = {"small_talk"}
SHORTEST, LONGEST = 40, 1200


def lines(file: Traversable) -> list[str]:
    text = file.read_bytes().decode()
    assert "\r" not in text
    assert text.endswith("\n")
    return text[:-1].split("\n")


def rows(file: Traversable) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(file)]


def domain_of(file: Traversable) -> str:
    return file.name.removesuffix(".jsonl")


def words_only(prompt: str) -> str:
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", prompt).casefold()))


each_file = pytest.mark.parametrize("file", FILES, ids=[domain_of(file) for file in FILES])


def test_it_is_large_and_varied_enough() -> None:
    assert len(FILES) >= 12
    assert sum(len(lines(file)) for file in FILES) >= 300
    assert sum(len(lines(file)) for file in FILES if domain_of(file) == "mcai") >= 35


def test_it_holds_nothing_but_json_lines() -> None:
    assert [entry.name for entry in STARTER.iterdir() if not entry.name.endswith(".jsonl")] == []


def test_no_prompt_comes_twice() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file in FILES:
        for row in rows(file):
            places[words_only(row["prompt"])].append(f"{file.name}: {row['prompt']}")
    assert [found for found in places.values() if len(found) > 1] == []


@each_file
def test_every_line_is_one_object_with_the_known_fields(file: Traversable) -> None:
    for number, line in enumerate(lines(file), 1):
        row = json.loads(line)
        assert isinstance(row, dict), number
        assert {"prompt", "response", "domain"} <= row.keys() <= {"prompt", "response", "domain", "metadata"}
        assert isinstance(row.get("metadata", {}), dict), number


@each_file
def test_the_file_is_named_as_its_domain(file: Traversable) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", domain_of(file))
    assert {row["domain"] for row in rows(file)} == {domain_of(file)}


@each_file
def test_prompts_and_responses_are_clean_text(file: Traversable) -> None:
    for row in rows(file):
        for name in ("prompt", "response"):
            text = row[name]
            assert isinstance(text, str)
            assert text
            assert text == text.strip() == unicodedata.normalize("NFC", text), row["prompt"]
        assert words_only(row["prompt"]), row["prompt"]
        assert unprintable(row["prompt"]) == set(), row["prompt"]
        assert unprintable(row["response"]) <= {"\n"}, row["prompt"]


@each_file
def test_responses_can_be_read_in_one_go(file: Traversable) -> None:
    shortest = 1 if domain_of(file) in SHORT_ANSWERS else SHORTEST
    assert [row["prompt"] for row in rows(file) if not shortest <= len(row["response"]) <= LONGEST] == []


def unprintable(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character).startswith("C")}
