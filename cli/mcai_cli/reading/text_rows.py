"""Plain text: blocks of `Prompt:`/`Completion:`, `Q:`/`A:` or `User:`/`Assistant:`.

An answer runs to the next prompt, over blank lines too. The first marker of a file decides which pair of
markers counts in it, so that a `Q:` inside a `Completion:` stays text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from mcai_cli.reading.model import Item, Rejected, Row

MARKERS = frozenset(
    {
        ("prompt", "completion"),
        ("prompt", "response"),
        ("question", "answer"),
        ("q", "a"),
        ("user", "assistant"),
    }
)
ASKING_MARKERS = frozenset(asking for asking, _ in MARKERS)
MARKER = re.compile(
    r"\s*(prompt|completion|response|question|answer|q|a|user|assistant)\s*:\s?(.*)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(slots=True)
class _Block:
    line: int
    prompt: list[str] = field(default_factory=list)
    response: list[str] | None = None

    def take(self, line: str, answer: str | None) -> None:
        """Add a line; `answer` is its text behind an answer marker, None if it has none."""
        if self.response is not None:
            self.response.append(line)
        elif answer is not None:
            self.response = [answer]
        else:
            self.prompt.append(line)

    def item(self, origin: str) -> Item:
        place = f"{origin}:{self.line}"
        prompt = "\n".join(self.prompt).strip()
        if not prompt:
            return Rejected(place, "Its prompt is empty.")
        response = "" if self.response is None else "\n".join(self.response).strip()
        if not response:
            return Rejected(place, "Its prompt has no response.")
        return Row(prompt, response, place)


def text_items(file: IO[bytes], origin: str) -> Iterator[Item]:
    """The rows of a text file."""
    block: _Block | None = None
    asking: str | None = None
    preface = False
    for number, raw in enumerate(file, 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            # Half an answer is worse than none, so the block that holds the line is left out.
            yield Rejected(f"{origin}:{number}", "The line is not UTF-8; save the file as UTF-8.")
            block, preface = None, True
            continue
        marker, text = _marker(line)
        if marker in ASKING_MARKERS and asking in {None, marker}:
            if block is not None:
                yield block.item(origin)
            asking, block = marker, _Block(number, [text])
        elif block is not None:
            block.take(line, text if (asking, marker) in MARKERS else None)
        elif line.strip() and not preface:
            preface = True
            yield Rejected(f"{origin}:{number}", "Text before the first prompt is not read.")
    if block is not None:
        yield block.item(origin)


def _marker(line: str) -> tuple[str, str]:
    match = MARKER.fullmatch(line)
    return (match[1].lower(), match[2]) if match else ("", line)
