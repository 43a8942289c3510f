"""CSV and TSV: quoted cells may hold delimiters and line breaks (RFC 4180).

The delimiter is the comma, tab, semicolon or bar that makes most cells of the header. A record that is not
well formed is reported with the line where it begins, and the rest is read. Columns that are named by their
numbers, from 1, mean a file without a header.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import IO

from mcai_cli.reading.fields import PairReader
from mcai_cli.reading.model import BrokenFileError, Item, Parsed, ReadingRules, Rejected
from mcai_cli.reading.shapes import TABLE_FIELDS, Shapes
from mcai_cli.reading.source import MAX_LINE_BYTES, Source, lines
from mcai_cli.reading.tables import EXPORTED_FIELDS, exported_row, with_metadata

DELIMITERS = ",\t;|"

Record = tuple[int, list[str] | str]
"""The line where a record begins, and its cells or why it cannot be read."""


def csv_items(source: Source, origin: str, rules: ReadingRules) -> Iterator[Item]:
    """The rows of a delimited file."""
    delimiter = delimiter_of(source.text())
    quoted = delimiter != "\t" or is_quoted(source)
    records = csv_records(source.text(), delimiter, quoted=quoted)
    names, records = _header(records, rules)
    shapes = Shapes(rules)
    if (refusal := PairReader(rules).refusal(names)) and not set(names) & TABLE_FIELDS:
        raise BrokenFileError(
            f"{refusal} In a file without a header they are numbers: --prompt-field 1 --response-field 2."
        )
    for line, cells in records:
        yield from _record(line, cells, names, origin, shapes)


def _header(records: Iterator[Record], rules: ReadingRules) -> tuple[list[str], Iterator[Record]]:
    """The names of the columns, and the records that hold rows."""
    first = next(records, None)
    if first is None or isinstance(first[1], str):
        raise BrokenFileError("It has no header line." if first is None else first[1])
    if _is_number(rules.prompt_field) and _is_number(rules.response_field):
        return [str(number) for number in range(1, len(first[1]) + 1)], chain([first], records)
    names = [name.strip() for name in first[1]]
    if repeated := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise BrokenFileError(f"Its header names the column {repeated[0]} twice.")
    return names, records


def _is_number(field: str | None) -> bool:
    return field is not None and field.isdecimal()


def _record(
    line: int, cells: list[str] | str, names: list[str], origin: str, shapes: Shapes
) -> Iterator[Item]:
    place = f"{origin}:{line}"
    if isinstance(cells, str):
        yield Rejected(place, cells)
        return
    if len(cells) > len(names):
        yield Rejected(place, f"It has {len(cells)} cells, and the header has {len(names)}.")
        return
    # An absent cell still is a field of the row, so that it is missed by its name.
    value = dict.fromkeys(names) | {name: cell for name, cell in zip(names, cells, strict=False) if cell}
    if names == EXPORTED_FIELDS and (row := exported_row(value, place)) is not None:
        yield row
    else:
        yield from shapes.value(Parsed(with_metadata(value), place))


def is_quoted(source: Source) -> bool:
    """Whether quotes mean anything in a file with tabs.

    They do not where they would break a record or join lines, and each line by itself has as many cells as
    the first: then they are part of the text.
    """
    tabs = {line.count(b"\t") for _, line in lines(source.text()) if line is not None and line.strip()}
    if len(tabs) != 1:
        return True
    records = sum(not isinstance(cells, str) for _, cells in csv_records(source.text(), "\t"))
    return records == sum(1 for _, line in lines(source.text()) if line is None or line.strip())


def delimiter_of(file: IO[bytes]) -> str:
    """The delimiter of a header: the one that cuts it into most cells."""
    line = next((line for _, line in lines(file) if line and line.strip()), b"").decode("utf-8", "replace")
    return max(DELIMITERS, key=lambda delimiter: len(cells_of(line, delimiter)))


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line; none if it is not well formed by itself."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def csv_records(file: IO[bytes], delimiter: str, *, quoted: bool = True) -> Iterator[Record]:
    """The records of a file, without blank lines."""
    # The module's own bound, 131,072 characters a cell, is below what an answer may have. It is global.
    csv.field_size_limit(MAX_LINE_BYTES)
    feed = _Lines(file)
    reader = csv.reader(
        feed, delimiter=delimiter, strict=True, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    )
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
