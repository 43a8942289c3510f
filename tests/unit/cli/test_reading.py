"""Every file shape that `mcai import` reads, and what it says of those that it cannot."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from mcai_cli.reading.files import data_files, file_items
from mcai_cli.reading.model import Item, ReadingRules, Rejected, Row, Skipped


def read(path: Path, root: Path | None = None, domain: str | None = None) -> list[Item]:
    return list(file_items(path, root or path, ReadingRules(domain), lambda _: None))


def pairs(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.prompt, item.response) for item in items if isinstance(item, Row)]


def reasons(items: list[Item]) -> list[str]:
    return [item.reason for item in items if isinstance(item, Rejected | Skipped)]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Why?", "response": "Because."},
        {"prompt": "Why?", "completion": "Because."},
        {"question": "Why?", "answer": "Because."},
        {"question": "Why?", "answers": ["Because.", "So."]},
        {"query": {"text": "Why?"}, "response": {"text": "Because."}},
        {"topic": "Why?", "knowledge": "Because."},
        {"instruction": "Why?", "input": "", "output": "Because."},
        {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]},
        {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]},
    ],
    ids="+".join,
)
def test_a_row_is_read_whatever_its_fields_are_called(tmp_path: Path, row: dict[str, object]) -> None:
    file = tmp_path / "faq.jsonl"
    file.write_text(json.dumps(row))

    assert pairs(read(file)) == [("Why?", "Because.")]


def test_an_instruction_keeps_its_context(tmp_path: Path) -> None:
    file = tmp_path / "dolly.jsonl"
    file.write_text(json.dumps({"instruction": "Sum up.", "context": "A text.", "response": "Short."}))

    assert pairs(read(file)) == [("Sum up.\n\nA text.", "Short.")]


def test_own_domain_and_metadata_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "faq.jsonl"
    row = {"prompt": "a", "response": "b", "domain": "Own One", "metadata": {"n": 1}, "source": "s"}
    file.write_text(json.dumps(row))

    (item,) = read(file, domain="other")

    assert isinstance(item, Row)
    assert (item.domain, json.loads(item.metadata_json), item.origin) == (
        "Own One",
        {"n": 1, "source": "s"},
        "faq.jsonl",
    )


@pytest.mark.parametrize("field", ["examples", "entries", "data", "rows"])
def test_a_container_gives_its_domain_to_its_rows(tmp_path: Path, field: str) -> None:
    file = tmp_path / "wrapped.json"
    file.write_text(json.dumps({"domain": "gardens", field: [{"prompt": "a", "response": "b"}]}))

    (item,) = read(file)

    assert isinstance(item, Row)
    assert item.domain == "gardens"


def test_a_folder_names_the_domain_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "physics").mkdir()
    file = tmp_path / "physics" / "a.json"
    file.write_text('[{"prompt": "a", "response": "b"}]')

    (item,) = read(file, root=tmp_path)

    assert isinstance(item, Row)
    assert (item.domain, item.origin) == ("physics", "physics/a.json#1")


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [("Prompt", "Completion"), ("Q", "A"), ("User", "Assistant"), ("question", "answer")],
)
def test_text_blocks_may_have_answers_over_several_lines(tmp_path: Path, prompt: str, answer: str) -> None:
    file = tmp_path / "blocks.txt"
    file.write_text(
        f"{prompt}: one?\n{answer}: first\n\nsecond: more\n\n{prompt}: two?\r\n{answer}: last\r\n"
    )

    assert pairs(read(file)) == [("one?", "first\n\nsecond: more"), ("two?", "last")]


def test_another_pair_of_markers_inside_an_answer_stays_text(tmp_path: Path) -> None:
    file = tmp_path / "blocks.txt"
    file.write_text("Prompt: how to write a FAQ?\nCompletion: like this:\nQ: why?\nA: so.\n")

    assert pairs(read(file)) == [("how to write a FAQ?", "like this:\nQ: why?\nA: so.")]


def test_line_separators_inside_json_lines_do_not_cut(tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_text('{"prompt": "a\u2028b", "response": "c\u0085d"}\n', encoding="utf-8")

    assert pairs(read(file)) == [("a\u2028b", "c\u0085d")]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b"{broken\n", "It is not valid JSON"),
        ("a.jsonl", b"\xff\xfe\n", "It begins like UTF-16"),
        ("a.jsonl", b"[1]\n", "A row must be an object, and this is a number"),
        ("a.jsonl", b"[" * 100_000, "nested more than 64 levels"),
        ("a.jsonl", b'{"prompt": "\\ud800", "response": "b"}', "half a surrogate pair"),
        ("a.jsonl", b'{"prompt": "a", "response": " "}', "Its response (response) is empty"),
        ("a.jsonl", b'{"prompt": "a"}', "it has no response"),
        (
            "a.jsonl",
            b'{"user_id": "u", "role": "user", "prompt": "a", "response": "b"}',
            "private memory row",
        ),
        ("a.json", b'[{"prompt": "a", "response": "b"}, {"pro', "It is not valid JSON: Unterminated string"),
        ("a.json", b"", "The file is empty"),
        ("a.txt", b"Q: alone\n", "It is no known shape"),
        ("a.txt", b"A licence text\nof two lines\n", "It is no known shape"),
        ("a.txt", b"Q: a\nA: b\nna\xefve\n", "1 lines are not UTF-8 and were read as Windows-1252"),
        ("a.pkl", b"\x80\x04N.", "It is not a cache of the old system"),
    ],
)
def test_what_cannot_be_read_is_reported_once_with_its_reason(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    (reason,) = reasons(read(file))

    assert expected in reason


def test_a_line_of_windows_1252_is_read_as_what_it_means(tmp_path: Path) -> None:
    file = tmp_path / "mixed.txt"
    file.write_bytes(b"Q: a\nA: b\nna\xefve\nmore\nQ: c\nA: d\n")

    assert pairs(read(file)) == [("a", "b\nnaïve\nmore"), ("c", "d")]


def test_nothing_of_a_broken_document_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cut.json"
    file.write_bytes(b'[{"prompt": "a", "response": "b"}, {"pro')

    assert pairs(read(file)) == []


def test_a_cut_gzip_and_a_hostile_pickle_are_refused_whole(tmp_path: Path) -> None:
    cut, hostile = tmp_path / "a.jsonl.gz", tmp_path / "b.pkl"
    cut.write_bytes(gzip.compress(b'{"prompt": "a", "response": "b"}\n' * 1_000)[:-9])
    hostile.write_bytes(b"\x80\x04\x8c\x08builtins\x8c\x05print\x93\x8c\x02hi\x85R.")

    assert reasons(read(cut)) == ["The gzip file is cut off before its end."]
    assert "builtins.print: it is refused, and nothing of it was run" in reasons(read(hostile))[0]


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_bomb_is_refused(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "bomb.jsonl"
    file.write_bytes(compress(b" " * 80_000_000))

    (reason,) = reasons(read(file))

    assert "as a bomb does" in reason


def test_the_same_pair_is_read_from_csv_yaml_and_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('question;answer\n"a";"b;\nc"\n')
    (tmp_path / "a.yml").write_text("- question: a\n  answer: |\n    b;\n    c\n")
    pq.write_table(pa.table({"question": ["a"], "answer": ["b;\nc"]}), tmp_path / "a.parquet")

    assert [pairs(read(file)) for file in data_files(tmp_path)] == [[("a", "b;\nc")]] * 3


def test_a_line_without_end_is_left_out_alone(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    row = b'{"prompt": "a", "response": "b"}\n'
    file.write_bytes(row + b'{"prompt": "' + b"x" * 17_000_000 + b'"}\n' + row)

    items = read(file)

    assert (len(pairs(items)), reasons(items)) == (2, ["The line is longer than 16 MiB."])


@pytest.mark.data
def test_the_legacy_tree_gives_its_documented_counts(public_data: Path) -> None:
    tree = public_data / "legacy" / "tree"

    rows = [item for file in data_files(tree) for item in read(file, root=tree) if isinstance(item, Row)]

    assert len(rows) == 1224
    assert len({(row.domain, row.prompt, row.response) for row in rows}) == 1064


def test_an_export_as_parquet_and_csv_keeps_its_metadata_to_the_letter(tmp_path: Path) -> None:
    metadata = '{"n": 9007199254740993, "half": 1.50}'
    columns = {"domain": ["d"], "prompt": ["a"], "response": ["b"], "metadata": [metadata]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text(
        'domain,prompt,response,metadata\nd,a,b,"' + metadata.replace('"', '""') + '"\n'
    )

    for name in ("a.parquet", "a.csv"):
        (item,) = read(tmp_path / name)
        assert isinstance(item, Row)
        assert (item.domain, item.metadata_json) == ("d", metadata)


def test_a_column_of_metadata_as_text_is_read_as_an_object(tmp_path: Path) -> None:
    columns = {"question": ["a"], "answer": ["b"], "metadata": ['{"n": 1}'], "page": [7]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")

    (item,) = read(tmp_path / "a.parquet")

    assert isinstance(item, Row)
    assert json.loads(item.metadata_json) == {"n": 1, "page": 7}


def test_columns_of_a_file_without_a_header_have_numbers(tmp_path: Path) -> None:
    file = tmp_path / "a.tsv"
    file.write_text('Why?\tBecause.\t1\n"Who" asks?\tMe "\t2\n')
    rules = ReadingRules(prompt_field="1", response_field="2")

    found = list(file_items(file, file, rules, lambda _: None))

    assert pairs(found) == [("Why?", "Because."), ('"Who" asks?', 'Me "')]
    assert "--prompt-field 1" in reasons(read(file))[0]


def test_lists_of_two_texts_are_pairs(tmp_path: Path) -> None:
    file = tmp_path / "intents.json"
    file.write_text(json.dumps({"train": [["send money", "transfer"]], "val": [["my balance", "balance"]]}))

    items = read(file)

    assert pairs(items) == [("send money", "transfer"), ("my balance", "balance")]
    assert [item.domain for item in items if isinstance(item, Row)] == ["train", "val"]
