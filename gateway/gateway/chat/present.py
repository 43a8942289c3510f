"""How an answer's text is laid out: in sentences for a stream, or as short bullets for easier reading."""

import re
from typing import Final

_SENTENCE_END: Final = re.compile(r"(?<![.!?\u2026])[.!?\u2026]++[\"')\]\u2019\u201d]*+\s+|\n+")
_NO_END: Final = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|dr|mr|mrs|ms|prof|no|fig|st)|(?<!\w)\w)\.$", re.IGNORECASE
)
_LONGEST_SHORT_FORM: Final = 8
_BLOCKS: Final = re.compile(r"\n[ \t]*\n\s*")
_LAID_OUT: Final = re.compile(r"^\s*(?:[-*+\u2022>|#]|\d+[.)]\s|```|    |\t)", re.MULTILINE)
_FEWEST_SENTENCES: Final = 2


def sentences(text: str) -> list[str]:
    """Returns the text in pieces that end where sentences and lines end; joined they are the text."""
    pieces: list[str] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        goes_on = text[end.end() : end.end() + 1].islower() and "\n" not in end.group()
        if goes_on or _NO_END.search(
            text[max(start, end.start() - _LONGEST_SHORT_FORM) : end.end()].rstrip()
        ):
            continue
        pieces.append(text[start : end.end()])
        start = end.end()
    if start < len(text):
        pieces.append(text[start:])
    return pieces


def bulleted(text: str) -> str:
    """Returns the same sentences as one bullet each, paragraph by paragraph.

    Lists, tables, quotations and code stay as they are, and so does a paragraph of one sentence.
    """
    if "```" in text:
        return text
    return "\n\n".join(_bulleted_block(block) for block in _BLOCKS.split(text.strip()))


def _bulleted_block(block: str) -> str:
    parts = [part.strip() for part in sentences(block)]
    if _LAID_OUT.search(block) or len(parts) < _FEWEST_SENTENCES:
        return block
    return "\n".join(f"- {part}" for part in parts)
