"""A JSON document: a list of rows, or an object that holds one.

One of up to 8 MiB is parsed at once. A larger one is read twice, in constant memory: first to see that it is
whole and where its rows are, then to read them.
"""

from collections.abc import Iterator
from typing import IO, Any

import ijson

from mcai_cli.reading.json_values import JsonError, parsed_json
from mcai_cli.reading.model import BrokenFileError, Item, Parsed, ReadingRules
from mcai_cli.reading.shapes import CONTAINER_FIELDS, DOMAIN_FIELDS, Shapes
from mcai_cli.reading.source import Source
from mcai_cli.reading.values import MAX_DEPTH

MAX_PARSED_BYTES = 8 * 2**20
MAX_VALUE_BYTES = 16 * 2**20
STREAMED_FIELDS = frozenset({*CONTAINER_FIELDS, "conversations"})
OPENING = frozenset({"start_map", "start_array"})
CLOSING = frozenset({"end_map", "end_array"})


def json_items(source: Source, origin: str, rules: ReadingRules) -> Iterator[Item]:
    """The rows of a JSON document."""
    shapes = Shapes(rules)
    text = source.text().read(MAX_PARSED_BYTES + 1)
    if len(text) > MAX_PARSED_BYTES:
        yield from _streamed(source, origin, shapes)
        return
    try:
        document = parsed_json(text.decode())
    except UnicodeDecodeError:
        raise BrokenFileError("It is not valid JSON: it is neither UTF-8 nor Windows-1252.") from None
    except JsonError as error:
        raise BrokenFileError(f"It is not valid JSON: {error}.") from None
    yield from shapes.document(document, origin)


def _streamed(source: Source, origin: str, shapes: Shapes) -> Iterator[Item]:
    outline = _Outline()
    outline.read(source.text())
    # Twice the bound: the first reading has held each value to it, at other block boundaries.
    file = _Metered(source.text(), 2 * MAX_VALUE_BYTES)
    for number, value in enumerate(ijson.items(file, outline.prefix, use_float=True), 1):
        file.since_value = 0
        place = f"{origin}#{number}"
        if outline.prefix == "conversations.item" and isinstance(value, list):
            yield from shapes.value(Parsed({"conversations": [value]}, place, outline.domain))
        else:
            yield from shapes.value(Parsed(value, place, outline.domain))
    yield from shapes.rest(origin)


class _Outline:
    """What a first reading finds: that the document is whole, where its rows are, and their domain."""

    def __init__(self) -> None:
        self.prefix = ""
        self._depth = 0
        self._key = ""
        self._texts: dict[str, str] = {}

    @property
    def domain(self) -> str:
        """The domain of the rows; "" if the document names none."""
        return next((self._texts[name].strip() for name in DOMAIN_FIELDS if name in self._texts), "")

    def read(self, text: IO[bytes]) -> None:
        """Read the document through; raises BrokenFileError where it is not whole or beyond a bound."""
        file = _Metered(text, MAX_VALUE_BYTES)
        try:
            for event, value in ijson.basic_parse(file, use_float=True):
                self._take(event, value)
                if self._depth <= (1 if self.prefix == "item" else 2):
                    file.since_value = 0
        except (ijson.JSONError, UnicodeDecodeError) as error:
            reason = str(error).split("\n", maxsplit=1)[0].strip()
            raise BrokenFileError(f"It is not valid JSON: {reason}.") from None
        if not self.prefix:
            wanted = ", ".join(sorted(STREAMED_FIELDS))
            raise BrokenFileError(
                f"It is an object of more than 8 MiB without a list of rows in one of the fields {wanted}."
            )

    def _take(self, event: str, value: Any) -> None:
        if event in OPENING:
            self._open(event)
        elif event in CLOSING:
            self._depth -= 1
        elif self._depth != 1 or self.prefix == "item":
            return
        elif event == "map_key":
            self._key = value
        elif event == "string" and self._key in DOMAIN_FIELDS:
            self._texts.setdefault(self._key, value)

    def _open(self, event: str) -> None:
        if event == "start_array" and not self.prefix:
            if self._depth == 0:
                self.prefix = "item"
            elif self._depth == 1 and self._key in STREAMED_FIELDS:
                self.prefix = f"{self._key}.item"
        self._depth += 1
        if self._depth > MAX_DEPTH + 4:
            raise BrokenFileError(f"It is nested more than {MAX_DEPTH} levels deep.")


class _Metered:
    """A file that refuses to give more than a number of bytes to one value."""

    def __init__(self, file: IO[bytes], maximum_bytes: int) -> None:
        self._file = file
        self._maximum_bytes = maximum_bytes
        self.since_value = 0

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes."""
        block = self._file.read(size)
        self.since_value += len(block)
        if self.since_value > self._maximum_bytes:
            raise BrokenFileError("One of its values is larger than 16 MiB.")
        return block
