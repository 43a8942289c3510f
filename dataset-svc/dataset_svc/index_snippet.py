"""The part of an example that shows why it was found, as HTML."""

import html
from collections.abc import Collection, Sequence

from dataset_svc.index_text import Terms, Word
from dataset_svc.model import Example

SNIPPET_CHARACTERS = 240
# Further in nobody looks for a snippet's words; a response may have 262,144 characters.
MAX_SCANNED_CHARACTERS = 20_000
_LEAD_CHARACTERS = 40


def snippet(example: Example, asked: Collection[str], terms: Terms) -> str:
    """About 240 characters of the response, or of the prompt if only that has the words, with them in <b>.

    The text is escaped; <b> is the only markup.
    """
    best = ""
    for text in (example.response[:MAX_SCANNED_CHARACTERS], example.prompt[:MAX_SCANNED_CHARACTERS]):
        found = [word for word in terms.words(text) if word.term in asked]
        if found:
            return _marked(text, found)
        best = best or text
    return html.escape(best[: _word_end(best, SNIPPET_CHARACTERS)], quote=False)


def _marked(text: str, found: Sequence[Word]) -> str:
    start = max(found, key=lambda word: _variety(found, word.start)).start
    begin = _word_start(text, max(0, start - _LEAD_CHARACTERS))
    end = _word_end(text, begin + SNIPPET_CHARACTERS)
    pieces, position = [], begin
    for word in found:
        if word.start < position or word.end > end:
            continue
        pieces.append(html.escape(text[position : word.start], quote=False))
        pieces.append(f"<b>{html.escape(text[word.start : word.end], quote=False)}</b>")
        position = word.end
    pieces.append(html.escape(text[position:end], quote=False))
    return "".join(pieces)


def _variety(found: Sequence[Word], start: int) -> int:
    """How many different terms a window from `start` on holds."""
    end = start + SNIPPET_CHARACTERS - _LEAD_CHARACTERS
    return len({word.term for word in found if start <= word.start and word.end <= end})


def _word_start(text: str, position: int) -> int:
    """The beginning of the next word, so that none is cut."""
    if position == 0:
        return 0
    space = text.find(" ", position, position + _LEAD_CHARACTERS)
    return position if space < 0 else space + 1


def _word_end(text: str, position: int) -> int:
    if position >= len(text):
        return len(text)
    space = text.rfind(" ", 0, position)
    return position if space < position - _LEAD_CHARACTERS else space
