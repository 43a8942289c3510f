"""Pairs for the benchmarks: of a file, or made up, always the same."""

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROMPT_WORDS: Final = 9
RESPONSE_WORDS: Final = 60
_VOCABULARY: Final = 60_000
_DRAWN: Final = 1_000_000
_SYLLABLES: Final = [
    first + last for first in "bdfgklmnprstv" for last in ("a", "e", "i", "o", "u", "an", "er")
]
_ENDINGS: Final = ("", "", "s", "ing", "ed", "ly")
_COMMON: Final = """
    the of and to a in is that for it was on are as with be at by this have from or not but what all were when
    we there can an your which their said if do will each about how up out them then she many some so these
    would other into has more her two like him see time could no make than first been its who now people my
    made over did down only way find use may water long little very after words called just where most know
    """.split()  # noqa: SIM905 - a paragraph is read at a glance


def pairs(path: Path | None, rows: int) -> Iterator[tuple[str, str]]:
    """Pairs of a JSON Lines file, or made-up ones whose words are as unevenly frequent as a language's."""
    if path is not None:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for _, line in zip(range(rows), file, strict=False):
                row = json.loads(line)
                yield row["prompt"], row["response"]
        return
    source = random.Random(7)  # noqa: S311 - a benchmark's rows, not a secret
    words = _drawn(source)
    for number in range(rows):
        prompt = " ".join(source.choices(words, k=PROMPT_WORDS))
        yield f"{prompt} {number}", " ".join(source.choices(words, k=RESPONSE_WORDS))


def _drawn(source: random.Random) -> list[str]:
    """Words as often as a language has them: by Zipf's law as Mandelbrot corrected it, 1 / (rank + 2.7)."""
    made = {
        "".join(source.choices(_SYLLABLES, k=source.randint(2, 4))) + source.choice(_ENDINGS)
        for _ in range(_VOCABULARY)
    }
    vocabulary = _COMMON + sorted(made, key=lambda _: source.random())
    weights = [1 / (rank + 2.7) for rank in range(1, len(vocabulary) + 1)]
    return source.choices(vocabulary, weights, k=_DRAWN)


def write_json_lines(found: Iterator[tuple[str, str]], path: Path) -> None:
    """Writes pairs as what `mcai import` reads."""
    with path.open("w") as file:
        for prompt, response in found:
            file.write(json.dumps({"prompt": prompt, "response": response}) + "\n")


def read_json_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The pairs of `write_json_lines`."""
    yield from pairs(path, 2**62)
