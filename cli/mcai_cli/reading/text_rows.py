"""Plain text: blocks of `Prompt:`/`Completion:`, `Q:`/`A:`, `User:`/`Assistant:` and their kin.

A prompt's marker stands at the beginning of a line. Blocks of the same kind follow each other with or without
a blank line; a block of another kind begins only after a blank line, so that a `Q:` within an answer stays
text. An answer runs to the next block, over blank lines too. Texts are trimmed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mcai_cli.reading.model import Item, ReadingRules, Rejected, Row, Skipped
from mcai_cli.reading.source import Source, decoded, lines

MARKERS = {
    "prompt": frozenset({"completion", "response", "answer"}),
    "question": frozenset({"answer"}),
    "q": frozenset({"a"}),
    "user": frozenset({"assistant", "bot", "ai"}),
    "human": frozenset({"assistant", "bot", "ai"}),
    "instruction": frozenset({"response", "output"}),
}
"""The markers of prompts, each with those of its answers."""
ANSWERS = frozenset().union(*MARKERS.values())
MARKER = re.compile(rf"\s*({'|'.join(sorted({*MARKERS, *ANSWERS}))})\s*:\s?(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class _Block:
    kind: str
    line: int
    prompt: list[str] = field(default_factory=list)
    response: list[str] | None = None
    problem: str = ""

    def take(self, line: str, marker: str, text: str) -> None:
        """Add a line, which may be the first of the answer."""
        if self.response is not None:
            self.response.append(line)
        elif marker in MARKERS[self.kind]:
            self.response = [text]
        else:
            self.prompt.append(line)

    def item(self, origin: str) -> Item:
        """The block as a row, or why it is none."""
        place = f"{origin}:{self.line}"
        prompt = "\n".join(self.prompt).strip()
        response = "" if self.response is None else "\n".join(self.response).strip()
        if self.problem:
            # Half an answer is worse than none, so the block that holds such a line is left out.
            return Rejected(place, self.problem)
        if not prompt:
            return Rejected(place, "Its prompt is empty.")
        return Row(prompt, response, place) if response else Rejected(place, "Its prompt has no response.")


def is_blocks(lines_of_head: list[str]) -> bool:
    """Whether a text's first lines hold the marker of a prompt and, later, one of its answer."""
    wanted: frozenset[str] = frozenset()
    for line in lines_of_head:
        marker, _ = _marker(line)
        if marker in wanted:
            return True
        wanted = wanted | MARKERS.get(marker, frozenset())
    return False


def text_items(source: Source, origin: str, _rules: ReadingRules) -> Iterator[Item]:
    """The rows of a text."""
    block: _Block | None = None
    after_blank, preface = True, 0
    for number, raw in lines(source.text()):
        line, problem = decoded(raw)
        marker, text = _marker(line)
        if marker in MARKERS and (block is None or marker == block.kind or after_blank):
            if block is not None:
                yield block.item(origin)
            block = _Block(marker, number, [text])
        elif block is not None:
            block.take(line, marker, text)
        elif line.strip() or problem:
            preface += 1
        if block is not None and problem:
            block.problem = block.problem or f"Its line {number} {problem}."
        after_blank = not line.strip() and not problem
    if block is not None:
        yield block.item(origin)
    if preface:
        yield Skipped(origin, f"{preface:,} lines before the first prompt are no part of a pair.")


def _marker(line: str) -> tuple[str, str]:
    match = MARKER.fullmatch(line)
    return (match[1].lower(), match[2]) if match else ("", line)
