"""YAML documents, built from libyaml's events: every scalar stays the text that it is written as.

`- Yes` is an answer and not a truth value, so no type is guessed. Aliases are refused: a few lines of them
can stand for billions of values. Texts are trimmed, since block scalars end with a line break.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from mcai_cli.reading.model import BrokenFileError, Item, ReadingRules
from mcai_cli.reading.shapes import Shapes
from mcai_cli.reading.source import Source
from mcai_cli.reading.values import MAX_DEPTH

NULLS = frozenset({"", "~", "null", "Null", "NULL"})


def yaml_items(source: Source, origin: str, rules: ReadingRules) -> Iterator[Item]:
    """The rows of a file with one YAML document or several."""
    documents = list(yaml_documents(source.whole_text("YAML")))
    for number, document in enumerate(documents, 1):
        place = origin if len(documents) == 1 else f"{origin}#{number}"
        yield from Shapes(rules).document(document, place)


def yaml_documents(text: str) -> Iterator[Any]:
    """The documents of a text; raises BrokenFileError where it is not valid or beyond a bound."""
    building: list[_Node] = []
    try:
        for event in yaml.parse(text, Loader=yaml.CBaseLoader):
            if isinstance(event, yaml.AliasEvent):
                raise BrokenFileError("It holds an alias (*name); write its value in full.")
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                building.append(_Node(is_mapping=isinstance(event, yaml.MappingStartEvent)))
                if len(building) > MAX_DEPTH:
                    raise BrokenFileError(f"It is nested more than {MAX_DEPTH} levels deep.")
                continue
            if isinstance(event, yaml.ScalarEvent):
                value = _scalar(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                value = building.pop().value
            else:
                continue
            if building:
                building[-1].add(value)
            else:
                yield value
    except yaml.YAMLError as error:
        raise BrokenFileError(f"It is not valid YAML: {_reason(error)}.") from None


class _Node:
    """A mapping or sequence on its way."""

    def __init__(self, *, is_mapping: bool) -> None:
        self.value: Any = {} if is_mapping else []
        self._key: str | None = None

    def add(self, value: Any) -> None:
        """Add an entry, or the key and then the value of a pair."""
        if isinstance(self.value, list):
            self.value.append(value)
        elif self._key is None:
            self._key = value if isinstance(value, str) else str(value)
        else:
            self.value[self._key] = value
            self._key = None


def _scalar(event: yaml.ScalarEvent) -> str | None:
    plain = event.style is None or event.style == ""
    return None if plain and event.value in NULLS else event.value.strip()


def _reason(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return str(error).split("\n", maxsplit=1)[0]
