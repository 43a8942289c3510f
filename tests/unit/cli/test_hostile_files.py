"""Whatever a file holds: rows that the bank can store, or a sentence; never a fault, nothing halfway."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcai_cli.admission import admitted
from mcai_cli.reading.files import file_items
from mcai_cli.reading.model import Item, ReadingRules, Rejected, Row
from tests.support.broken_files import CORPUS, FIRST, GOOD, LAST, Broken

ENDINGS = ("jsonl", "json", "csv", "tsv", "yaml", "txt", "parquet", "pkl", "jsonl.gz", "txt.zst", "")
HOLE_BYTES = 128 * 2**20
TWO_GIB = 2 * 2**30
MEMORY_BYTES = 160 * 2**20
"""YAML is read whole, up to 64 MiB, and held twice for a moment."""


def read(path: Path, rules: ReadingRules | None = None) -> list[Item]:
    return [admitted(item) for item in file_items(path, path, rules or ReadingRules(), lambda _: None)]


def check(items: list[Item]) -> None:
    """Every item is a row that can be stored, or says in a sentence why there is none."""
    assert items
    for item in items:
        if isinstance(item, Row):
            assert item.prompt.strip()
            assert item.response.strip()
            assert item.domain
            (item.prompt + item.response + item.metadata_json).encode()
        else:
            assert item.reason.endswith("."), item
            assert "Traceback" not in item.reason


@pytest.mark.parametrize("broken", CORPUS, ids=lambda each: each.name)
def test_a_broken_file_gives_its_good_rows_and_a_sentence(tmp_path: Path, broken: Broken) -> None:
    path = tmp_path / broken.name
    path.write_bytes(broken.content())

    items = read(path)

    check(items)
    assert sum(isinstance(item, Row) for item in items) == broken.rows, items[:5]
    reasons = [item.reason for item in items if not isinstance(item, Row)]
    assert any(broken.reason in reason for reason in reasons) if broken.reason else not reasons


@pytest.mark.parametrize(
    ("name", "before", "after", "rows"),
    [
        ("endless.jsonl", FIRST + b"\n", b"\n" + LAST + b"\n", 3_001),
        (
            "endless.txt",
            b"Prompt: a\nCompletion: b\n\n",
            b"\nCompletion: c\n\nPrompt: d\nCompletion: e\n",
            3_000,
        ),
        ("endless.csv", b"a question,an answer of some length\n", b"\nd,e\n", 3_001),
        ("endless.json", FIRST + b",\n", b"]\n", 0),
        ("endless.yaml", b"- prompt: a question\n  response: an answer\n", b"\n", 0),
    ],
)
def test_an_endless_line_takes_little_memory(
    tmp_path: Path, name: str, before: bytes, after: bytes, rows: int
) -> None:
    """The line is a hole in a file: it is read as NULs, and takes no place on the disk."""
    opening = {"endless.csv": b"prompt,response\n", "endless.json": b"["}.get(name, b"")
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(opening + before * 3_000)
        file.seek(HOLE_BYTES, 1)
        file.write(after)
    tracemalloc.start()

    items = read(path)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    check(items)
    assert sum(isinstance(item, Row) for item in items) == rows
    assert any(isinstance(item, Rejected) for item in items)
    assert peak < MEMORY_BYTES


def test_a_line_of_two_gigabytes_is_left_out_alone(tmp_path: Path) -> None:
    path = tmp_path / "endless.jsonl"
    with path.open("wb") as file:
        file.write((FIRST + b"\n") * 3_000)
        file.seek(TWO_GIB, 1)
        file.write(b"\n" + LAST)

    items = read(path)

    assert len(items) == 3_002
    assert items[-2] == Rejected("endless.jsonl:3001", "The line is longer than 16 MiB.")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=400), ending=st.sampled_from(ENDINGS))
def test_any_bytes_under_any_name(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"any.{ending}"
    path.write_bytes(gzip.compress(content) if ending == "jsonl.gz" else content)

    check(read(path))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("prompt", "response", "domain", "metadata", "messages", "answers", "data", "replies", "qas", "role")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=6), min_size=1, max_size=4)
)
def test_any_values_in_any_field(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    path = tmp_path / "any.json"
    path.write_text(json.dumps(rows))

    check(read(path))


def seeds() -> dict[str, Callable[[], bytes]]:
    """The good files of the corpus, small enough to be damaged many times."""
    return {each.name: each.content for each in CORPUS if not each.reason and each.name != "line.json"}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(seeds())), at=st.floats(0, 1), byte=st.integers(0, 255), cut=st.booleans())
def test_good_files_that_were_damaged_in_one_place(
    tmp_path: Path, name: str, at: float, byte: int, cut: bool
) -> None:
    content = bytearray(seeds()[name]())
    position = int(at * (len(content) - 1))
    if cut:
        del content[position + 1 :]
    else:
        content[position] = byte
    path = tmp_path / name
    path.write_bytes(content)

    check(read(path))


def test_the_corpus_has_the_rows_that_it_says() -> None:
    assert [row["prompt"] for row in GOOD] == ["What is first?", "What is last?"]
