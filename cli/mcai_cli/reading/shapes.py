"""From parsed documents to rows: containers are opened, and each value goes to the reader of its shape.

A container is an object with a list of rows under one of CONTAINER_FIELDS, or with a list of rows for each
domain; its `domain` or `category` is the domain of its rows, its `categories` go into their metadata. A row
is an object, or a list of a prompt and its response.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mcai_cli.reading.conversations import (
    PARENT_FIELDS,
    FlatMessages,
    conversation_items,
    is_message,
    is_tree,
    tree_items,
    turn_items,
)
from mcai_cli.reading.fields import PairReader
from mcai_cli.reading.model import Item, Parsed, ReadingRules, Rejected, Row, Skipped
from mcai_cli.reading.squad import article_items, is_article
from mcai_cli.reading.values import excess, kind_of, metadata_text

MESSAGE_FIELDS = ("messages", "conversations", "conversation", "dialog", "dialogue")
CONTAINER_FIELDS = (
    "examples",
    "entries",
    "data",
    "rows",
    "items",
    "pairs",
    "faqs",
    "faq",
    "intents",
    "qa_pairs",
)
DOMAIN_FIELDS = ("domain", "category")
TABLE_FIELDS = frozenset({*MESSAGE_FIELDS, *PARENT_FIELDS, "replies", "qas", "paragraphs"})
"""A table with one of these columns may hold conversations or paragraphs in its rows."""
PAIR = 2
MAX_CONTAINERS = 4
"""Containers within containers."""


class Shapes:
    """Reads the values of one file."""

    def __init__(self, rules: ReadingRules) -> None:
        self._pairs = PairReader(rules)
        self._flat = FlatMessages()

    def document(self, document: Any, origin: str) -> Iterator[Item]:
        """The rows of a whole document; `origin` is the file's name."""
        if isinstance(document, list):
            if _all_messages(document):
                yield from self.value(Parsed(document, f"{origin}#1"))
            else:
                for number, value in enumerate(document, 1):
                    yield from self.value(Parsed(value, f"{origin}#{number}"))
        else:
            yield from self.value(Parsed(document, origin))
        yield from self.rest(origin)

    def value(self, parsed: Parsed, depth: int = 0) -> Iterator[Item]:
        """The rows of one value, which may hold one, several or none."""
        value = parsed.value
        if depth == 0 and (reason := excess(value)):
            yield Rejected(parsed.origin, reason)
        elif isinstance(value, list) and _all_messages(value):
            yield from conversation_items(parsed, value, "messages")
        elif is_pair(value):
            yield _pair(parsed)
        elif not isinstance(value, dict):
            yield Rejected(parsed.origin, f"A row must be an object, and this is {kind_of(value)}.")
        else:
            yield from self._object(parsed, value, depth)

    def rest(self, origin: str) -> Iterator[Item]:
        """What is to be said when all values were read."""
        yield from self._flat.rest(origin)

    def _object(self, parsed: Parsed, value: dict[str, Any], depth: int) -> Iterator[Item]:
        if is_tree(value):
            yield from tree_items(parsed)
        elif FlatMessages.takes(value):
            yield from self._flat.items(parsed)
        elif is_article(value):
            yield from article_items(parsed)
        elif name := next((each for each in MESSAGE_FIELDS if isinstance(value.get(each), list)), ""):
            yield from self._conversation(parsed, value, name)
        elif self._pairs.has_pair(value) or depth >= MAX_CONTAINERS:
            yield from self._pairs.items(parsed)
        elif (rows := contained(value)) is not None:
            yield from self._container(parsed, value, rows, depth)
        elif isinstance(value.get("mappings"), list):
            yield Skipped(parsed.origin, f"It holds {len(value['mappings']):,} mappings and no pairs.")
        else:
            yield from self._pairs.items(parsed)

    def _conversation(self, parsed: Parsed, value: dict[str, Any], name: str) -> Iterator[Item]:
        inside = Parsed(
            value[name],
            parsed.origin,
            _first_text(value, ("domain",)) or parsed.domain,
            parsed.shared | _beside(value, name),
        )
        if any(isinstance(each, list) for each in value[name]):
            domain = _first_text(value, DOMAIN_FIELDS) or parsed.domain
            for number, turns in enumerate(value[name], 1):
                each = Parsed(turns, f"{parsed.origin}#{number}", domain, inside.shared)
                if not isinstance(turns, list):
                    yield Rejected(
                        each.origin, f"A conversation must be a list, and this is {kind_of(turns)}."
                    )
                elif _all_messages(turns):
                    yield from conversation_items(each, turns, name)
                else:
                    yield from turn_items(each, turns)
            return
        yield from conversation_items(inside, value[name], name)

    def _container(self, parsed: Parsed, value: dict[str, Any], rows: Any, depth: int) -> Iterator[Item]:
        shared = parsed.shared | shared_metadata(value)
        domain = _first_text(value, DOMAIN_FIELDS) or parsed.domain
        if isinstance(rows, dict):
            for name, values in rows.items():
                for number, each in enumerate(values, 1):
                    inside = Parsed(each, f"{parsed.origin}#{name}.{number}", str(name), shared)
                    yield from self.value(inside, depth + 1)
            return
        for number, each in enumerate(rows, 1):
            yield from self.value(Parsed(each, f"{parsed.origin}#{number}", domain, shared), depth + 1)


def contained(value: Mapping[str, Any]) -> list[Any] | dict[str, Any] | None:
    """The rows of a container: a list, or a list for each domain; None if it is none."""
    for name in CONTAINER_FIELDS:
        inner = value.get(name)
        if isinstance(inner, list) or (isinstance(inner, dict) and _lists_of_rows(inner)):
            return inner
    return dict(value) if _lists_of_rows(value) else None


def shared_metadata(value: Mapping[str, Any]) -> dict[str, Any]:
    """What the rows of a container have in common."""
    categories = value.get("categories")
    return {"categories": categories} if isinstance(categories, list) and categories else {}


def _beside(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What stands beside a list of messages; what the author called metadata comes first."""
    own = value.get("metadata")
    metadata = {key: item for key, item in value.items() if key not in {name, "domain"}}
    if isinstance(own, dict):
        metadata.pop("metadata")
        metadata |= own
    system = [
        message.get("content", message.get("value"))
        for message in value[name]
        if is_message(message) and (message.get("role") or message.get("from")) == "system"
    ]
    return metadata | ({"system": system[0]} if system else {})


def is_pair(value: Any) -> bool:
    """Whether a value is a list of a prompt and its response, such as `["Why?", "Because."]`."""
    return isinstance(value, list) and len(value) == PAIR and all(isinstance(each, str) for each in value)


def _pair(parsed: Parsed) -> Item:
    prompt, response = parsed.value
    if not (prompt.strip() and response.strip()):
        return Rejected(parsed.origin, "Its prompt or its response is empty.")
    return Row(prompt, response, parsed.origin, parsed.domain, metadata_text(parsed.shared))


def _lists_of_rows(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(
        isinstance(each, list) and each and all(isinstance(row, dict) or is_pair(row) for row in each)
        for each in value.values()
    )


def _all_messages(values: list[Any]) -> bool:
    return bool(values) and all(
        is_message(value) and not FlatMessages.takes(value) and not is_tree(value) for value in values
    )


def _first_text(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value[name].strip() for name in names if isinstance(value.get(name), str)), "")
