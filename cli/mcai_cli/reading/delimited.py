"""CSV and TSV with a header: quoted cells may hold delimiters and line breaks (RFC 4180).

The delimiter is the comma, tab, semicolon or bar that makes most cells of the header. A record that is not
well formed is reported with the line where it begins, and the rest is read.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from typing import IO

from mcai_cli.reading.fields import PairReader, folded
from mcai_cli.reading.json_values import JsonError, parsed_json
from mcai_cli.reading.model import BrokenFileError, Item, Parsed, ReadingRules, Rejected, Row
from mcai_cli.reading.shapes import TABLE_FIELDS, Shapes
from mcai_cli.reading.source import MAX_LINE_BYTES, Source, lines

DELIMITERS = ",\t;|"
EXPORTED_FIELDS = ["domain", "prompt", "response", "metadata"]


def csv_items(source: Source, origin: str, rules: ReadingRules) -> Iterator[Item]:
    """The rows of a delimited file."""
    records = csv_records(source.text(), delimiter_of(source.text()))
    header = next(records, None)
    if header is None or isinstance(header[1], str):
        raise BrokenFileError("It has no header line." if header is None else header[1])
    names = [name.strip() for name in header[1]]
    if repeated := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise BrokenFileError(f"Its header names the column {repeated[0]} twice.")
    shapes = Shapes(rules)
    if (refusal := PairReader(rules).refusal(names)) and not set(names) & TABLE_FIELDS:
        raise BrokenFileError(refusal)
    for line, cells in records:
        yield from _record(line, cells, names, origin, shapes)


def _record(
    line: int, cells: list[str] | str, names: list[str], origin: str, shapes: Shapes
) -> Iterator[Item]:
    place = f"{origin}:{line}"
    if isinstance(cells, str):
        yield Rejected(place, cells)
    elif len(cells) > len(names):
        yield Rejected(place, f"It has {len(cells)} cells, and the header has {len(names)}.")
    elif (
        names == EXPORTED_FIELDS and len(cells) == len(names) and (row := _exported(cells, place)) is not None
    ):
        yield row
    else:
        row_of_cells = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
        # An absent cell still is a field of the row, so that it is missed by its name.
        value = dict.fromkeys(names) | row_of_cells
        yield from shapes.value(Parsed(_with_metadata(value), place))


def _with_metadata(value: dict[str, str | None]) -> dict[str, object]:
    """The cells, of which one named metadata may hold a JSON object; empty ones are left out of the rest."""
    kept: dict[str, object] = dict(value)
    for name, cell in value.items():
        if cell and folded(name) == "metadata" and cell.startswith("{"):
            try:
                kept[name] = parsed_json(cell)
            except JsonError:
                kept[name] = cell
    return kept


def _exported(cells: list[str], place: str) -> Row | None:
    """A row as `mcai export` writes it, its metadata to the letter; None for another one."""
    domain, prompt, response, metadata = cells
    if not (prompt.strip() and response.strip() and metadata.startswith("{")):
        return None
    try:
        parsed_json(metadata)
    except JsonError:
        return None
    return Row(prompt, response, place, domain.strip(), metadata)


def delimiter_of(file: IO[bytes]) -> str:
    """The delimiter of a header: the one that cuts it into most cells."""
    line = next((line for _, line in lines(file) if line and line.strip()), b"").decode("utf-8", "replace")
    return max(DELIMITERS, key=lambda delimiter: len(next(csv.reader([line], delimiter=delimiter), [])))


def csv_records(file: IO[bytes], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Records with the line where each begins: its cells, or why it cannot be read; without blank lines."""
    # The module's own bound, 131,072 characters a cell, is below what an answer may have. It is global.
    csv.field_size_limit(MAX_LINE_BYTES)
    feed = _Lines(file)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        line = feed.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells, feed.problem = [], _reason(error)
        problem, feed.problem = feed.problem, ""
        if problem:
            yield line, problem
        elif cells:
            yield line, cells


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "A quote that opens in this record is never closed, so that it runs to the end of the file."
    if "field larger than field limit" in text:
        return "A cell of it is larger than 16 MiB; a quote may not be closed."
    if "expected after" in text:
        return "A closing quote is followed by text; a quote within a cell is written twice."
    return f"It is not well formed: {text}."


class _Lines:
    """The lines of a file for the csv module, which need not end where a record does.

    Attributes:
        number: The last line that was read.
        problem: Why the record under way cannot be read; "" if it can.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._lines = lines(file)
        self.number = 0
        self.problem = ""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if line is None:
            self.problem = f"Line {self.number} is longer than 16 MiB."
            return "\n"
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.problem = f"Line {self.number} is neither UTF-8 nor Windows-1252."
            return line.decode("utf-8", "replace")
