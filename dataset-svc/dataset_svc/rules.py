"""What may be stored, checked field by field; each refusal is one sentence that names the field."""

import json
from typing import Any

from dataset_svc.errors import InvalidExample
from dataset_svc.model import (
    DOMAIN_PATTERN,
    MAX_METADATA_BYTES,
    MAX_PROMPT_CHARACTERS,
    MAX_RESPONSE_CHARACTERS,
)
from servicekit.errors import InvalidArgument

MAX_IDENTIFIER_CHARACTERS = 128
MAX_DESCRIPTION_CHARACTERS = 2_000
MAX_TITLE_CHARACTERS = 200
MAX_RETENTION_DAYS = 36_500


def checked_domain(domain: str) -> str:
    """The name of a dataset."""
    if not DOMAIN_PATTERN.fullmatch(domain):
        raise InvalidArgument(
            "domain must be 1 to 64 letters, digits, spaces or any of _ . & ' + -, begin with a letter or a "
            "digit and end with a letter, a digit, _ or +.",
            metadata={"field": "domain"},
        )
    return domain


def checked_prompt(prompt: str) -> str:
    """What a person might ask."""
    return _filled("prompt", prompt, MAX_PROMPT_CHARACTERS)


def checked_response(response: str) -> str:
    """The answer."""
    return _filled("response", response, MAX_RESPONSE_CHARACTERS)


def checked_metadata(metadata_json: str) -> str:
    """A JSON object, to the letter; nothing is "{}"."""
    text = metadata_json or "{}"
    if len(text) > MAX_METADATA_BYTES or len(encoded("metadata", text)) > MAX_METADATA_BYTES:
        raise _refusal("metadata", f"must be at most {MAX_METADATA_BYTES:,} bytes long")
    try:
        value = json.loads(text, parse_constant=_no_constant)
        if not isinstance(value, dict):
            raise _refusal("metadata", "must be a JSON object")
        for string in _strings(value):
            checked_text("metadata", string, MAX_METADATA_BYTES)
    except (ValueError, RecursionError):
        raise _refusal("metadata", "must be a JSON object") from None
    return text


def checked_identifier(field: str, identifier: str, *, required: bool = True) -> str:
    """An id that the caller has chosen: 1 to 128 characters, or none where it may be left out."""
    if required and not identifier:
        raise _refusal(field, "is missing")
    return checked_text(field, identifier, MAX_IDENTIFIER_CHARACTERS)


def checked_title(title: str) -> str:
    """The title of a conversation, without the blanks at its ends."""
    return _filled("title", title.strip(), MAX_TITLE_CHARACTERS)


def checked_text(field: str, text: str, maximum: int) -> str:
    """A text without NUL and lone surrogates, of at most `maximum` characters."""
    if len(text) > maximum:
        raise _refusal(field, f"must be at most {maximum:,} characters long")
    if "\0" in text:
        raise _refusal(field, "must not hold a NUL character")
    encoded(field, text)
    return text


def checked_retention(days: int) -> int:
    """Days of a retention rule; 0 keeps all."""
    if not 0 <= days <= MAX_RETENTION_DAYS:
        raise InvalidArgument(
            f"retention_days must lie between 0 and {MAX_RETENTION_DAYS:,}.",
            metadata={"field": "retention_days"},
        )
    return days


def checked_maximum(examples: int) -> int:
    """Examples that a dataset keeps at the most; 0 keeps all."""
    if examples < 0:
        raise InvalidArgument("max_examples must not be negative.", metadata={"field": "max_examples"})
    return examples


def encoded(field: str, text: str) -> bytes:
    """The text in UTF-8; raises InvalidExample at a lone surrogate."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _refusal(field, "holds half of a surrogate pair, which is no character") from None


def _filled(field: str, text: str, maximum: int) -> str:
    if not text.strip():
        raise _refusal(field, "is empty")
    return checked_text(field, text, maximum)


def _strings(value: Any) -> list[str]:
    """All keys and texts in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [string for item in value.items() for part in item for string in _strings(part)]
    if isinstance(value, list):
        return [string for part in value for string in _strings(part)]
    return []


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _refusal(field: str, what: str) -> InvalidExample:
    return InvalidExample(f"{field} {what}.", metadata={"field": field})
