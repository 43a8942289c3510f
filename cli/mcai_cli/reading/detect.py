"""What a file is, by its content; its name decides only where the content leaves two ways open."""

import json
from collections.abc import Callable, Iterator
from pathlib import PurePath

import ijson
import yaml

from mcai_cli.reading import parquet_rows, pickle_cache
from mcai_cli.reading.compressed import GZIP_MAGIC, ZSTD_MAGIC
from mcai_cli.reading.delimited import DELIMITERS, cells_of, csv_items
from mcai_cli.reading.encodings import WIDE_MARKS
from mcai_cli.reading.fields import PairReader
from mcai_cli.reading.json_document import json_items
from mcai_cli.reading.json_lines import json_lines_items
from mcai_cli.reading.model import BrokenFileError, Item, ReadingRules
from mcai_cli.reading.quiz_text import is_quiz, quiz_items
from mcai_cli.reading.source import HEAD_BYTES, Source, lines
from mcai_cli.reading.text_rows import is_blocks, text_items
from mcai_cli.reading.yaml_document import yaml_items

Reader = Callable[[Source, str, ReadingRules], Iterator[Item]]
FOREIGN = {
    b"PK\x03\x04": "a ZIP archive (or an Excel or Word file)",
    b"\xfd7zXZ\x00": "an xz file",
    b"BZh": "a bzip2 file",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"SQLite format 3\x00": "an SQLite database",
    GZIP_MAGIC: "compressed twice",
    ZSTD_MAGIC: "compressed twice",
}
COMPRESSED_ENDINGS = frozenset({".gz", ".zst", ".zstd"})
BY_ENDING: dict[str, Reader] = {
    ".json": json_items,
    ".jsonl": json_lines_items,
    ".ndjson": json_lines_items,
    ".csv": csv_items,
    ".tsv": csv_items,
    ".yml": yaml_items,
    ".yaml": yaml_items,
}


class UnknownShapeError(Exception):
    """The content is none of the known shapes; one sentence says what it looks like."""


def reader_of(source: Source, name: str, rules: ReadingRules) -> Reader:
    """The reader of a file's content.

    Raises BrokenFileError for an empty file, and UnknownShapeError for one that no reader knows.
    """
    head = source.head
    if not head:
        raise BrokenFileError("The file is empty.")
    if head.startswith(parquet_rows.MAGIC):
        return parquet_rows.parquet_items
    if head.startswith(pickle_cache.MAGICS):
        return pickle_cache.pickle_items
    for magic, kind in FOREIGN.items():
        if head.startswith(magic):
            raise UnknownShapeError(f"It is {kind}: unpack it, or save its rows as text.")
    if b"\0" in head and not any(head.startswith(mark) for mark, _ in WIDE_MARKS):
        raise UnknownShapeError("It is a binary file.")
    return _text_reader(source, _ending(name), rules)


def _text_reader(source: Source, ending: str, rules: ReadingRules) -> Reader:
    text = source.text().read(HEAD_BYTES).decode("utf-8", "replace")
    if not text.strip():
        raise BrokenFileError("The file is blank.")
    if text.lstrip()[0] in "[{":
        return _json_reader(source)
    if ending in BY_ENDING:
        return BY_ENDING[ending]
    head = text.split("\n")
    if is_quiz(head):
        return quiz_items
    if is_blocks(head):
        return text_items
    if _is_delimited(head, rules):
        return csv_items
    if _is_yaml(text):
        return yaml_items
    first = next(line for line in head if line.strip()).strip()
    raise UnknownShapeError(
        f"It is no known shape: it begins with “{first[:40]}”, and not with JSON, YAML, a header line that "
        "names a prompt and a response, or Prompt: and Completion: lines."
    )


def _json_reader(source: Source) -> Reader:
    """JSON Lines if the first line is a value of its own, or broken while the second is one."""
    filled = (line for _, line in lines(source.text()) if line is None or line.strip())
    first = next(filled, None)
    if first is None:
        # A document without line breaks, or a line beyond the bound among others.
        second = next(filled, b"")
        return json_lines_items if second is None or _is_json(second) else json_items
    if _is_json(first):
        # A single line is the same either way, and a document says more of what is wrong in it.
        return json_lines_items if next(filled, b"") != b"" else json_items
    if _is_beginning(first):
        return json_items
    second = next(filled, None)
    return json_lines_items if second is not None and _is_json(second) else json_items


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_beginning(line: bytes) -> bool:
    """Whether a line may be the beginning of a JSON value that goes on below."""
    try:
        for _ in ijson.basic_parse(line):
            pass
    except ijson.IncompleteJSONError as error:
        return "parse error: premature EOF" in str(error)
    except (ijson.JSONError, UnicodeDecodeError):
        return False
    return True


def _is_delimited(head: list[str], rules: ReadingRules) -> bool:
    line = next(line for line in head if line.strip()).rstrip("\r")
    for delimiter in DELIMITERS:
        cells = cells_of(line, delimiter)
        if len(cells) > 1 and PairReader(rules).has_pair(dict.fromkeys(map(str.strip, cells), "")):
            return True
    return False


def _is_yaml(text: str) -> bool:
    """Whether the head is YAML with structure: collections within a collection."""
    collections = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CBaseLoader):
            collections += isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
            if isinstance(event, yaml.ScalarEvent) and not collections:
                return False
            if collections > 1:
                return True
    except yaml.YAMLError:
        return False
    return False


def _ending(name: str) -> str:
    path = PurePath(name.lower())
    return PurePath(path.stem).suffix if path.suffix in COMPRESSED_ENDINGS else path.suffix
