"""Parsed values as text and as metadata, within bounds."""

import json
import math
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 64
MAX_NODES = 1_000_000
"""Values in one row, counted as a tree: a file may name one value many times over."""
TEXT_FIELDS = ("text", "content", "value")
KINDS = {
    dict: "an object",
    list: "a list",
    tuple: "a list",
    str: "a text",
    bytes: "bytes",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def kind_of(value: Any) -> str:
    """What a value is, in a word for people."""
    return KINDS.get(type(value), type(value).__name__)


def text_of(value: Any) -> str:
    """A value as text: objects by their `text`, else line by line; lists entry by entry; nothing is ""."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "\n".join(text for each in value if (text := text_of(each)))
    if isinstance(value, Mapping):
        inner = next((value[name] for name in TEXT_FIELDS if value.get(name) is not None), None)
        lines = (f"{key}: {text_of(item)}" for key, item in value.items())
        return "\n".join(lines) if inner is None else text_of(inner)
    return str(value)


def alternatives(value: Any) -> list[str]:
    """The texts of a value that may be a list of several, without blank and equal ones.

    An object of lists, as the rows of some public sets have it (`{"text": [...], "answer_start": [...]}`), is
    the list under its `text`.
    """
    if isinstance(value, Mapping):
        inner = next((value[name] for name in TEXT_FIELDS if isinstance(value.get(name), list)), None)
        value = value if inner is None else inner
    if not isinstance(value, list | tuple):
        text = text_of(value)
        return [text] if text.strip() else []
    return list(dict.fromkeys(text for each in value if (text := text_of(each)).strip()))


def excess(value: Any) -> str:
    """Why a value is beyond the bounds, in one sentence; "" if it is within them."""
    level, depth, nodes = [value], 0, 1
    while level:
        depth += 1
        below: list[Any] = []
        for each in level:
            if isinstance(each, Mapping):
                below.extend(each.values())
            elif isinstance(each, list | tuple):
                below.extend(each)
            if nodes + len(below) > MAX_NODES:
                return f"It holds more than {MAX_NODES:,} values."
        nodes += len(below)
        level = below
        if depth > MAX_DEPTH and level:
            return f"It is nested more than {MAX_DEPTH} levels deep."
    return ""


def metadata_text(metadata: Mapping[str, Any]) -> str:
    """Metadata as a JSON object; what JSON cannot say becomes text, and NaN and infinities null."""
    if not metadata:
        return "{}"
    try:
        return _dumps(metadata)
    except (TypeError, ValueError):
        return _dumps(_plain(metadata))


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | bool | None) else str(value)
