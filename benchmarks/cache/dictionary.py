"""Train the dictionary that stored answers are compressed with: `make cache-dictionary`.

It learns from the answers that the house gives to the questions of its own starter bank, so it holds nobody
else's text. Their ids are replaced by random ones: those of one bank begin alike, those of two do not.

    python -m benchmarks.cache.dictionary
"""

import asyncio
import json
import random
import re
import tempfile
import uuid
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import zstandard

from benchmarks.cache.answers import stored_answers
from knowledge_svc.codec import packed
from knowledge_svc.model import Entry

FILE = Path("knowledge-svc/knowledge_svc/answers.zdict")
SIZE = 8 * 1024
LEVEL = 6
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def questions() -> list[str]:
    """The prompts of the starter bank."""
    found = []
    for file in sorted(files("dataset_svc").joinpath("starter").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".jsonl"):
            found += [json.loads(line)["prompt"] for line in file.read_text(encoding="utf-8").splitlines()]
    return found


def train(entries: Sequence[Entry]) -> bytes:
    """Returns the dictionary of the entries' packed forms."""
    source = random.Random(7)  # noqa: S311 - ids that stand for others, no secrets

    def another_id(_match: re.Match[bytes]) -> bytes:
        return str(uuid.UUID(int=source.getrandbits(128), version=4)).encode()

    samples: list[bytes | bytearray | memoryview] = [_ID.sub(another_id, packed(entry)) for entry in entries]
    return zstandard.train_dictionary(SIZE, samples, level=LEVEL).as_bytes()


async def _entries(directory: Path) -> list[Entry]:
    stored = await stored_answers(directory, None, questions())
    return [entry for _, entry in stored]


def main() -> None:
    """Writes the file."""
    with tempfile.TemporaryDirectory(prefix="mcai-bd-") as directory:
        entries = asyncio.run(_entries(Path(directory)))
    FILE.write_bytes(train(entries))
    print(f"{FILE}: {FILE.stat().st_size} bytes, from {len(entries)} answers")


if __name__ == "__main__":
    main()
