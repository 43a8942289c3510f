"""From a path to rows: one file, or a folder tree in which a folder names the domain of its files."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from mcai_cli.reading.json_rows import json_items, json_lines_items
from mcai_cli.reading.model import Item, Rejected, Row
from mcai_cli.reading.text_rows import text_items

READERS: dict[str, Callable[[IO[bytes], str], Iterator[Item]]] = {
    ".json": json_items,
    ".jsonl": json_lines_items,
    ".ndjson": json_lines_items,
    ".txt": text_items,
}


POSITION_ROWS = 500
"""Rows between two words about the position."""


def data_files(path: Path) -> list[Path]:
    """The readable files at or below `path`, in order of name; raises FileNotFoundError."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    return sorted(entry for entry in path.rglob("*") if entry.is_file() and entry.suffix.lower() in READERS)


def file_items(
    file: Path, root: Path, default_domain: str | None, at: Callable[[int], object]
) -> Iterator[Item]:
    """The rows of one of `root`'s data files, each with its domain and in well-formed Unicode.

    `at` is told the position in bytes from time to time. A row's own domain is kept; otherwise it is
    `default_domain`, else the folder below `root` that holds the file, else the file's name without its
    ending.
    """
    origin = file.relative_to(root).as_posix() if file != root else file.name
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        yield Rejected(origin, f"Only {', '.join(READERS)} files can be read.")
        return
    domain = default_domain or _folder_domain(file, root)
    try:
        with file.open("rb") as opened:
            for number, item in enumerate(reader(opened, origin)):
                if number % POSITION_ROWS == 0:
                    at(opened.tell())
                yield _completed(item, domain) if isinstance(item, Row) else item
    except OSError as error:
        yield Rejected(origin, f"It cannot be read: {error.strerror}.")


def _folder_domain(file: Path, root: Path) -> str:
    if file == root:
        return file.stem
    return file.parent.name if file.parent != root else root.resolve().name


def _completed(row: Row, domain: str) -> Item:
    try:
        (row.prompt + row.response + row.domain).encode()
    except UnicodeEncodeError:
        return Rejected(row.origin, "Its text holds half a surrogate pair, which is not valid Unicode.")
    return row if row.domain else replace(row, domain=domain)
