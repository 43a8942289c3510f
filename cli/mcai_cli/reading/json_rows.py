"""JSON and JSON Lines, streamed: a list is read element by element, so that its size does not matter."""

import json
from collections.abc import Iterator
from typing import IO

import ijson

from mcai_cli.reading.model import Item, Rejected
from mcai_cli.reading.shapes import document_items, value_items

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 16 * 2**20
MAX_OBJECT_BYTES = 256 * 2**20
"""A document that is not a list is read whole; above this it is refused."""


def json_items(file: IO[bytes], origin: str) -> Iterator[Item]:
    """The rows of a JSON document; what stands before a broken place is read."""
    head = file.read(4096)
    file.seek(len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0)
    if head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"["):
        yield from _list_items(file, origin)
        return
    text = file.read(MAX_OBJECT_BYTES + 1)
    if len(text) > MAX_OBJECT_BYTES:
        yield Rejected(origin, "It is an object of more than 256 MiB; split it, or make it a list.")
        return
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        yield Rejected(origin, f"It is not valid JSON: {error}.")
        return
    yield from document_items(document, origin)


def json_lines_items(file: IO[bytes], origin: str) -> Iterator[Item]:
    """The rows of a file with one JSON value a line; a broken line is reported and the rest is read."""
    # Only \n ends a line: JSON texts may hold U+2028 and U+0085, which str.splitlines would cut at.
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        place = f"{origin}:{number}"
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            _skip_line(file)
            yield Rejected(place, "The line is longer than 16 MiB.")
            continue
        text = line.removeprefix(BYTE_ORDER_MARK).strip()
        if text:
            yield from _line_items(text, place)


def _line_items(line: bytes, place: str) -> Iterator[Item]:
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError:
        yield Rejected(place, "The line is not UTF-8.")
    except (ValueError, RecursionError) as error:
        yield Rejected(place, f"The line is not valid JSON: {error}.")
    else:
        yield from value_items(value, place)


def _list_items(file: IO[bytes], origin: str) -> Iterator[Item]:
    number = 0
    try:
        for number, value in enumerate(ijson.items(file, "item", use_float=True), 1):
            yield from value_items(value, f"{origin}#{number}")
    except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error).split("\n", maxsplit=1)[0].strip()
        yield Rejected(f"{origin}#{number + 1}", f"The JSON is broken here, and the rest is lost: {reason}.")


def _skip_line(file: IO[bytes]) -> None:
    while part := file.readline(MAX_LINE_BYTES):
        if part.endswith(b"\n"):
            return
