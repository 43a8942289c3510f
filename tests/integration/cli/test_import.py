"""`mcai import` as a person runs it, through a gateway and straight into a data directory."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.embedded_system import EmbeddedSystem, embedded_system, spawn
from tests.support.waiting import eventually

ROWS: list[dict[str, Any]] = [
    {
        "prompt": "what is a flumph?",
        "response": "A gentle floating creature.",
        "domain": "Odd Beasts",
        "metadata": {"page": 9_007_199_254_740_993, "tags": ["a", "é"]},
    },
    {"prompt": "what is a flumph?", "response": "A gentle floating creature.", "domain": "Odd Beasts"},
    {"question": "how tall is a krill?", "answer": "Two centimetres."},
    {"prompt": "no answer"},
]


async def run(*arguments: str) -> tuple[int, str, str]:
    process = await spawn("import", *arguments)
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "beasts.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS))
    return path


async def search(client: httpx2.AsyncClient, words: str) -> list[dict[str, object]]:
    response = await client.get("/api/search", params={"q": words, "limit": 5})
    results: list[dict[str, object]] = response.json()["results"]
    return results


async def test_rows_go_through_a_running_gateway(tmp_path: Path, file: Path) -> None:
    async with embedded_system(tmp_path / "data") as system:
        code, output, errors = await run(str(file), "--domain", "sea", "--to", system.url)
        again = await run(str(file), "--domain", "sea", "--to", system.url)
        (flumph, *_) = await search(system.client, "flumph")
        (krill, *_) = await search(system.client, "krill tall")
        answer = await system.client.post("/api/chat", json={"message": "What is a flumph?"})

    assert code == 0
    assert "read 4   added 2   duplicates 1   rejected 1" in output
    assert "rejected beasts.jsonl:4: Its fields are prompt: it has no response" in errors
    assert "added 0   duplicates 3   rejected 1" in again[1]
    assert (flumph["domain"], flumph["metadata"]) == ("Odd Beasts", ROWS[0]["metadata"])
    assert krill["domain"] == "sea"
    assert answer.json()["response"] == "A gentle floating creature."


async def test_rows_go_straight_into_a_data_directory(tmp_path: Path, file: Path) -> None:
    code, output, _ = await run(str(file), "--domain", "sea", "--data-dir", str(tmp_path / "data"))
    async with embedded_system(tmp_path / "data") as system:
        (flumph, *_) = await search(system.client, "flumph")
        starter = await system.client.post("/api/chat", json={"message": "what can you do?"})

    assert code == 0
    assert "read 4   added 2   duplicates 1   rejected 1" in output
    assert flumph["domain"] == "Odd Beasts"
    assert starter.json()["metadata"]["sources"][0]["domain"] == "mcai"


async def test_an_import_in_which_every_row_is_rejected_fails(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"prompt": "alone"}\n{"prompt": "alone too"}\n')
    code, output, errors = await run(str(path), "--data-dir", str(tmp_path / "data"))

    assert code == 1
    assert "read 2   added 0   duplicates 0   rejected 2" in output
    assert errors.splitlines()[-1] == "mcai: No row was imported: every one was rejected."


MANY = 40_000


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "many.jsonl"
    with path.open("w") as file:
        for number in range(MANY):
            row = {"prompt": f"What is number {number}?", "response": f"It is {number}.", "domain": "many"}
            file.write(json.dumps(row) + "\n")
    return path


async def stored(system: EmbeddedSystem) -> int:
    response = await system.client.get("/api/datasets/many")
    return int(response.json()["example_count"]) if response.status_code == httpx2.codes.OK else 0


@pytest.mark.timeout(180)
async def test_an_import_outlives_the_system_that_it_goes_to(tmp_path: Path, many: Path) -> None:
    """kill -9 in the middle; the same command goes on when the system is back, and no row is there twice."""
    async with embedded_system(tmp_path / "data") as system:
        port = system.url.rpartition(":")[2]
        importing = await spawn("import", str(many), "--to", system.url)
        await eventually(lambda: stored(system), 60)
        await system.stop(signal.SIGKILL)
        under_way = importing.returncode is None
    async with embedded_system(tmp_path / "data", "--port", port) as system:
        before = await stored(system)
        async with asyncio.timeout(120):
            output, errors = await importing.communicate()
        after = await stored(system)
        (last, *_) = await search(system.client, f"What is number {MANY - 1}?")

    assert under_way
    assert importing.returncode == 0, errors
    assert f"read {MANY:,}   added {MANY:,}   duplicates 0   rejected 0" in output.decode()
    assert "The import goes on from where it stands as soon as it answers." in errors.decode()
    assert 0 < before <= after == MANY
    assert last["prompt"] == f"What is number {MANY - 1}?"


async def test_a_directory_in_use_is_not_written_to(tmp_path: Path, file: Path) -> None:
    async with embedded_system(tmp_path / "data"):
        code, _, errors = await run(str(file), "--data-dir", str(tmp_path / "data"))

    assert code != 0
    assert "Another system runs on the data directory" in errors


async def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    code, _, errors = await run(str(tmp_path / "gone.jsonl"))

    assert code == 1
    assert errors.strip().splitlines() == [f"mcai: There is no file or folder {tmp_path / 'gone.jsonl'}."]


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "question", "expected"),
    [
        (
            "import/dolly-partial/dolly_partial.jsonl",
            "When did Virgin Australia start operating?",
            "31 August 2000",
        ),
        ("legacy/tree", "What is Newton's First Law?", "remains at rest|stays at rest|Law of Inertia"),
    ],
)
async def test_public_data_is_answered_from(
    public_data: Path, tmp_path: Path, path: str, question: str, expected: str
) -> None:
    code, _, errors = await run(str(public_data / path), "--data-dir", str(tmp_path / "data"))
    async with embedded_system(tmp_path / "data") as system:
        answer = await system.client.post("/api/chat", json={"message": question})

    assert code == 0, errors
    assert any(words in answer.json()["response"] for words in expected.split("|")), answer.json()
