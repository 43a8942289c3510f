"""From a path to rows: one file, or a folder tree in which a folder names the domain of its files."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mcai_cli.reading.detect import UnknownShapeError, reader_of
from mcai_cli.reading.model import BrokenFileError, Item, ReadingRules, Rejected, Row, Skipped
from mcai_cli.reading.source import Source, opened

POSITION_ROWS = 500
"""Rows between two words about the position."""
KNOWN_ENDINGS = re.compile(
    r"(\.(json|jsonl|ndjson|csv|tsv|txt|ya?ml|parquet|pkl|pickle))?(\.(gz|zst|zstd))?$", re.IGNORECASE
)
NOT_IN_A_DOMAIN = re.compile(r"[^\w .&'+-]+")
MAX_DOMAIN_CHARACTERS = 64


def data_files(path: Path) -> list[Path]:
    """The files at or below `path`, in order of name, without hidden ones; raises FileNotFoundError."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    return sorted(
        entry
        for entry in path.rglob("*")
        if entry.is_file() and not any(part.startswith(".") for part in entry.relative_to(path).parts)
    )


def file_items(file: Path, root: Path, rules: ReadingRules, at: Callable[[int], object]) -> Iterator[Item]:
    """The rows of one of `root`'s files, each with its domain and in well-formed Unicode.

    `at` is told the position in bytes from time to time. A row's own domain is kept; otherwise it is that of
    the rules, else the folder below `root` that holds the file, else the file's name without its ending. A
    damaged file is one rejection; so is one of no known shape, but within a folder it is skipped.
    """
    origin = file.relative_to(root).as_posix() if file != root else file.name
    domain = rules.domain or _named_domain(file, root)
    try:
        with opened(file) as source:
            yield from _items(source, origin, domain, rules, at)
    except UnknownShapeError as error:
        yield (Rejected if file == root else Skipped)(origin, str(error))
    except BrokenFileError as error:
        yield Rejected(origin, str(error))
    except OSError as error:
        yield Rejected(origin, f"It cannot be read: {error.strerror or error}.")


def _items(
    source: Source, origin: str, domain: str, rules: ReadingRules, at: Callable[[int], object]
) -> Iterator[Item]:
    number = -1
    for number, item in enumerate(reader_of(source, origin, rules)(source, origin, rules)):
        if number % POSITION_ROWS == 0:
            at(source.position)
        yield _completed(item, domain, rules) if isinstance(item, Row) else item
    if number < 0:
        yield Skipped(origin, "It holds no rows.")
    if source.legacy_lines:
        yield Skipped(
            origin,
            f"{source.legacy_lines:,} lines are not UTF-8 and were read as Windows-1252; no row is lost.",
        )


def _named_domain(file: Path, root: Path) -> str:
    if file != root:
        name = file.parent.name if file.parent != root else root.resolve().name
    else:
        name = KNOWN_ENDINGS.sub("", file.name)
    # A domain has no slashes and the like; what is left of a name may be nothing.
    name = NOT_IN_A_DOMAIN.sub("-", unicodedata.normalize("NFC", name)).strip(" .&'+-_")
    return name[:MAX_DOMAIN_CHARACTERS].rstrip(" .&'-") or "imported"


def _completed(row: Row, domain: str, rules: ReadingRules) -> Item:
    if rules.unescape_newlines:
        row = replace(row, prompt=_unescaped(row.prompt), response=_unescaped(row.response))
    try:
        (row.prompt + row.response + row.domain + row.metadata_json).encode()
    except UnicodeEncodeError:
        return Rejected(row.origin, "Its text holds half a surrogate pair, which is not valid Unicode.")
    if "\0" in row.prompt or "\0" in row.response:
        return Rejected(row.origin, "Its text holds a NUL character.")
    return row if row.domain else replace(row, domain=domain)


def _unescaped(text: str) -> str:
    return text.replace("\\r\\n", "\n").replace("\\n", "\n")
