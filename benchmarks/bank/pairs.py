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


def pairs(path: Path | None, rows: int) -> Iterator[tuple[str, str]]:
    """Pairs of a JSON Lines file, or made-up ones whose words are as unevenly frequent as a language's."""
    if path is not None:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for _, line in zip(range(rows), file, strict=False):
                row = json.loads(line)
                yield row["prompt"], row["response"]
        return
    source = random.Random(7)  # noqa: S311 - a benchmark's rows, not a secret
    words = [f"w{int(source.paretovariate(0.6)) % _VOCABULARY}x" for _ in range(500_000)]
    for number in range(rows):
        prompt = " ".join(source.choices(words, k=PROMPT_WORDS))
        yield f"{prompt} {number}", " ".join(source.choices(words, k=RESPONSE_WORDS))


def write_json_lines(found: Iterator[tuple[str, str]], path: Path) -> None:
    """Writes pairs as what `mcai import` reads."""
    with path.open("w") as file:
        for prompt, response in found:
            file.write(json.dumps({"prompt": prompt, "response": response}) + "\n")


def read_json_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The pairs of `write_json_lines`."""
    yield from pairs(path, 2**62)
