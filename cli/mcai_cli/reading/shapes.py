"""From a parsed JSON document to rows, whatever its author called the fields.

Known rows: prompt/response, prompt/completion, question/answer(s), query/response, topic/knowledge,
instruction/input|context/output|response, and message lists (`messages`, `conversations`) with a role or
`from` and a content or `value`. Known containers: a list of rows, or an object with such a list under
`examples`, `entries`, `data` or `rows`, whose `domain` or `category` is the domain of its rows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mcai_cli.reading.model import Item, Rejected, Row

PROMPT_FIELDS = ("prompt", "question", "query", "instruction", "topic")
RESPONSE_FIELDS = ("response", "completion", "answer", "answers", "output", "knowledge")
CONTEXT_FIELDS = ("context", "input")
MESSAGE_FIELDS = ("messages", "conversations")
CONTAINER_FIELDS = ("examples", "entries", "data", "rows")
DOMAIN_FIELDS = ("domain", "category")
PRIVATE_FIELDS = frozenset({"user_id", "role"})
ASKING_ROLES = frozenset({"user", "human", "prompter"})
ANSWERING_ROLES = frozenset({"assistant", "gpt", "bot", "model"})


def document_items(document: Any, origin: str) -> Iterator[Item]:
    """The rows of a whole JSON document; `origin` is the file's name."""
    if isinstance(document, list):
        for number, value in enumerate(document, 1):
            yield from value_items(value, f"{origin}#{number}")
        return
    rows = _contained_rows(document) if isinstance(document, dict) else None
    if rows is None:
        yield from value_items(document, origin)
        return
    domain = _first_text(document, DOMAIN_FIELDS)
    for number, value in enumerate(rows, 1):
        yield from value_items(value, f"{origin}#{number}", domain)


def value_items(value: Any, origin: str, default_domain: str = "") -> Iterator[Item]:
    """The rows of one JSON value that stood for a row: one pair, or the pairs of a message list."""
    if not isinstance(value, dict):
        yield Rejected(origin, f"A row must be a JSON object, and this is {_kind(value)}.")
        return
    if value.keys() >= PRIVATE_FIELDS:
        yield Rejected(
            origin, "It is a private memory row of one user, which is not shared through the bank."
        )
        return
    for name in MESSAGE_FIELDS:
        if isinstance(value.get(name), list):
            yield from _conversation_items(value, name, origin, default_domain)
            return
    yield _pair(value, origin, default_domain)


def _contained_rows(document: Mapping[str, Any]) -> list[Any] | None:
    # A row may have a field of such a name too (legacy rows carry `examples`), so a prompt decides.
    if _first_field(document, PROMPT_FIELDS) is not None:
        return None
    for name in CONTAINER_FIELDS:
        if isinstance(document.get(name), list):
            rows: list[Any] = document[name]
            return rows
    return None


def _pair(value: Mapping[str, Any], origin: str, default_domain: str) -> Item:
    prompt_field = _first_field(value, PROMPT_FIELDS)
    response_field = _first_field(value, RESPONSE_FIELDS)
    if prompt_field is None:
        return Rejected(origin, f"It has no prompt: none of the fields {', '.join(PROMPT_FIELDS)}.")
    if response_field is None:
        return Rejected(origin, f"It has no response: none of the fields {', '.join(RESPONSE_FIELDS)}.")
    prompt, response = _text(value[prompt_field]), _text(value[response_field])
    used = {prompt_field, response_field}
    if prompt_field == "instruction":
        for name in CONTEXT_FIELDS:
            context = _text(value.get(name)) or ""
            if context:
                prompt = f"{prompt}\n\n{context}"
            used.add(name)
    return _checked(value, prompt, response, used, origin, default_domain)


def _conversation_items(
    value: Mapping[str, Any], name: str, origin: str, default_domain: str
) -> Iterator[Item]:
    question, pairs = "", 0
    for message in value[name]:
        if not isinstance(message, dict):
            continue
        role = str(message.get("role") or message.get("from") or "").lower()
        content = _text(message.get("content", message.get("value"))) or ""
        if role in ASKING_ROLES:
            question = content
        elif role in ANSWERING_ROLES and question:
            pairs += 1
            yield _checked(value, question, content, {name}, f"{origin}.{pairs}", default_domain)
            question = ""
    if pairs == 0:
        yield Rejected(origin, f"Its {name} hold no question that is followed by an answer.")


def _checked(
    value: Mapping[str, Any],
    prompt: str | None,
    response: str | None,
    used: set[str],
    origin: str,
    default_domain: str,
) -> Item:
    if not prompt:
        return Rejected(origin, "Its prompt is empty.")
    if not response:
        return Rejected(origin, "Its response is empty.")
    own = value.get("metadata")
    # A field beside the known ones is kept as metadata; what the author called metadata comes first.
    skipped = used | {"domain", "metadata"} if isinstance(own, dict) else used | {"domain"}
    metadata = {key: item for key, item in value.items() if key not in skipped}
    if isinstance(own, dict):
        metadata |= own
    domain = value.get("domain")
    return Row(
        prompt, response, origin, domain.strip() if isinstance(domain, str) else default_domain, metadata
    )


def _first_field(value: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if value.get(name) is not None), None)


def _first_text(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value[name].strip() for name in names if isinstance(value.get(name), str)), "")


def _text(value: Any) -> str | None:
    """A value as text: objects with a `text`, lists by their first entry, other objects line by line."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list):
        return _text(value[0]) if value else None
    if isinstance(value, dict):
        if "text" in value:
            return _text(value["text"])
        return "\n".join(f"{key}: {_text(item) or ''}" for key, item in value.items()).strip()
    return None


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "a truth value"}
    return kinds.get(type(value), "null")
