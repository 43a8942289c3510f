"""What reading a file yields: rows to import, and places that gave none, with the reason."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One pair; `origin` says where it stood, such as `faq.jsonl:17`; an empty domain takes the default."""

    prompt: str
    response: str
    origin: str
    domain: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A place that holds no pair, and why, in one sentence."""

    origin: str
    reason: str


Item = Row | Rejected
