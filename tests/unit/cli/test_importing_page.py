"""The examples of docs/importing.md are read as the page says."""

import re
from pathlib import Path

import pytest

from mcai_cli.reading.files import file_items
from mcai_cli.reading.model import ReadingRules, Row

PAGE = Path(__file__).parents[3] / "docs" / "importing.md"
EXPECTED = {
    "jsonl": ["What is TCP?", "What is UDP?", "Translate.\n\nHola", "Hi"],
    "json": ["Light"],
    "csv": ["What is a comma, then?"],
    "yaml": ["What is YAML?"],
    "text": ["What is a poem?", "And prose?"],
}
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("kind", EXPECTED)
def test_an_example_of_the_page_is_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"example.{kind}"
    file.write_text(BLOCKS[kind])

    items = list(file_items(file, tmp_path, ReadingRules(), lambda _: None))

    assert all(isinstance(item, Row) for item in items)
    assert [item.prompt for item in items if isinstance(item, Row)] == EXPECTED[kind]
