"""What a look at an installation finds."""

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """How bad a finding is; the value is what is printed before it."""

    GOOD = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        grade: How bad it is.
        sentence: What was found.
        remedy: What to do, in a sentence; "" where there is nothing to do.
    """

    grade: Grade
    sentence: str
    remedy: str = ""


def good(sentence: str) -> Finding:
    """Something that is as it should be."""
    return Finding(Grade.GOOD, sentence)


def note(sentence: str, remedy: str = "") -> Finding:
    """Something to know, which hurts nobody yet."""
    return Finding(Grade.NOTE, sentence, remedy)


def wrong(sentence: str, remedy: str) -> Finding:
    """Something that is broken."""
    return Finding(Grade.WRONG, sentence, remedy)
