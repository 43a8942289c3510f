"""What reading a file yields: rows to import, places that hold none, and files that are damaged.

Rows keep what their author wrote: texts are not trimmed or normalised, and metadata is JSON text, so that the
export of a bank comes back to the letter.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One pair.

    Attributes:
        prompt: What a person might ask.
        response: The answer.
        origin: Where it stood, such as `faq.jsonl:17` (a line) or `faq.json#17` (an element).
        domain: Its dataset; empty takes the default of the file.
        metadata_json: What stood beside the pair, as a JSON object.
    """

    prompt: str
    response: str
    origin: str
    domain: str = ""
    metadata_json: str = "{}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A place that should hold a pair and does not, and why, in one sentence."""

    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """What is left out on purpose, and why: a licence text in a folder, a private row, a list of no pairs."""

    origin: str
    reason: str


Item = Row | Rejected | Skipped


class BrokenFileError(Exception):
    """The file is damaged, or beyond a bound; one sentence says how. Nothing of it is imported.

    A reader raises it before its first item.
    """


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """What the person asked for.

    Attributes:
        domain: Domain of rows that name none; None takes the folder's or the file's name.
        include_private: Whether the memory rows of single users are read too.
        prompt_field: Name of the field that holds the prompt, for a shape that is not recognised.
        response_field: The same for the response.
        unescape_newlines: Whether a backslash followed by n in a text becomes a line break.
    """

    domain: str | None = None
    include_private: bool = False
    prompt_field: str | None = None
    response_field: str | None = None
    unescape_newlines: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value out of a document, where it stood, and the domain that surrounds it."""

    value: Any
    origin: str
    domain: str = ""
    shared: dict[str, Any] = field(default_factory=dict)
    """Metadata that the rows of a document share, such as its categories."""
