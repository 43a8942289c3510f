"""JSON Lines: one JSON value a line; a broken line is reported, and the rest is read."""

from collections.abc import Iterator

import msgspec

from mcai_cli.reading.json_values import JsonError, parsed_json
from mcai_cli.reading.model import Item, Parsed, ReadingRules, Rejected, Row
from mcai_cli.reading.shapes import Shapes
from mcai_cli.reading.source import Source, lines


class _Exported(msgspec.Struct, forbid_unknown_fields=True):
    """A row as `mcai export` writes it; its metadata is kept to the letter."""

    prompt: str
    response: str
    domain: str = ""
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


def json_lines_items(source: Source, origin: str, rules: ReadingRules) -> Iterator[Item]:
    """The rows of a file with one JSON value a line."""
    shapes = Shapes(rules)
    decoder = msgspec.json.Decoder(_Exported)
    exported_rows = rules.prompt_field is None and rules.response_field is None
    for number, line in lines(source.text()):
        place = f"{origin}:{number}"
        if line is None:
            yield Rejected(place, "The line is longer than 16 MiB.")
        elif exported_rows and (row := _exported(decoder, line, place)) is not None:
            yield row
        elif text := line.strip():
            yield from _line_items(text, place, shapes)
    yield from shapes.rest(origin)


def _exported(decoder: "msgspec.json.Decoder[_Exported]", line: bytes, place: str) -> Row | None:
    try:
        row = decoder.decode(line)
        metadata = bytes(row.metadata).decode()
    except (ValueError, RecursionError):
        return None
    if not (row.prompt.strip() and row.response.strip() and metadata.startswith("{")):
        return None
    return Row(row.prompt, row.response, place, row.domain.strip(), metadata)


def _line_items(line: bytes, place: str, shapes: Shapes) -> Iterator[Item]:
    try:
        value = parsed_json(line.decode())
    except UnicodeDecodeError:
        yield Rejected(place, "The line is neither UTF-8 nor Windows-1252.")
    except JsonError as error:
        yield Rejected(place, f"The line is not valid JSON: {error}.")
    else:
        yield from shapes.value(Parsed(value, place))
