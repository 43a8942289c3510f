"""Quiz text: blocks of `#Q question`, `^ answer` and lettered choices (`A ...` to `Z ...`).

A question runs over the lines up to its answer, an answer over those up to its first choice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mcai_cli.reading.model import Item, ReadingRules, Rejected, Row
from mcai_cli.reading.source import Source, decoded, lines
from mcai_cli.reading.values import metadata_text

QUESTION = re.compile(r"#\s?Q\b[.:]?\s?(.*)", re.DOTALL)
ANSWER = re.compile(r"\^\s?(.*)", re.DOTALL)
CHOICE = re.compile(r"[A-Z][.)]?[ \t]+(.*)", re.DOTALL)


@dataclass(slots=True)
class _Question:
    line: int
    asked: list[str]
    answer: list[str] = field(default_factory=list)
    choices: list[list[str]] = field(default_factory=list)
    problem: str = ""

    def take(self, line: str) -> None:
        """Add a line below the question."""
        if not self.answer:
            match = ANSWER.fullmatch(line)
            (self.answer if match else self.asked).append(match[1] if match else line)
        elif match := CHOICE.fullmatch(line):
            self.choices.append([match[1]])
        elif line.strip():
            (self.choices[-1] if self.choices else self.answer).append(line)

    def item(self, origin: str) -> Item:
        place = f"{origin}:{self.line}"
        asked, answer = _text(self.asked), _text(self.answer)
        if self.problem:
            return Rejected(place, self.problem)
        if not asked:
            return Rejected(place, "Its question is empty.")
        if not answer:
            return Rejected(place, "Its question has no answer (a line that begins with ^).")
        choices = [text for choice in self.choices if (text := _text(choice))]
        return Row(asked, answer, place, metadata_json=metadata_text({"choices": choices} if choices else {}))


def is_quiz(lines_of_head: list[str]) -> bool:
    """Whether a text's first lines hold a question and an answer of this form."""
    asked = any(QUESTION.fullmatch(line) for line in lines_of_head)
    return asked and any(ANSWER.fullmatch(line) for line in lines_of_head)


def quiz_items(source: Source, origin: str, _rules: ReadingRules) -> Iterator[Item]:
    """The rows of a quiz text."""
    question: _Question | None = None
    for number, raw in lines(source.text()):
        line, problem = decoded(raw)
        match = QUESTION.fullmatch(line)
        if match:
            if question is not None:
                yield question.item(origin)
            question = _Question(number, [match[1]])
        elif question is not None:
            question.take(line)
        if question is not None and problem:
            question.problem = question.problem or f"Its line {number} {problem}."
    if question is not None:
        yield question.item(origin)


def _text(parts: list[str]) -> str:
    return "\n".join(part.rstrip() for part in parts).strip()
