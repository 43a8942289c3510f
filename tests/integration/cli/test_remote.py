"""The commands of the routes, as a person types them at a running system."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.support.embedded_system import embedded_system, spawn


async def typed(url: str, *words: str, given: bytes | None = None) -> tuple[int, bytes, str]:
    """Exit code, standard output and standard error of `mcai WORDS`."""
    process = await spawn(*words, "--to", url)
    output, errors = await process.communicate(given)
    assert process.returncode is not None
    return process.returncode, output, errors.decode()


async def answered(url: str, *words: str) -> dict[str, Any]:
    code, output, errors = await typed(url, *words)
    assert code == 0, errors
    body: dict[str, Any] = json.loads(output)
    return body


async def test_a_person_asks_keeps_examples_and_makes_a_picture(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "data") as system:
        url = system.url
        rows = tmp_path / "rows.jsonl"
        rows.write_text('{"prompt": "What is a heron?", "response": "A wading bird."}\n')

        answer = await answered(url, "ask", "What is TCP?", "--user-id", "ada")
        await answered(url, "datasets", "import", "birds", "--body", str(rows))
        hits = await answered(url, "search", "--q", "tcp", "--limit", "1")
        assert answer["metadata"]["kind"] == "answer"
        assert len(hits["results"]) == 1

        ada = ("--user-id", "ada")
        exported = await typed(url, "datasets", "export", "birds")
        listed = await answered(url, "conversations", "list", *ada)
        conversation = listed["conversations"][0]["id"]
        renamed = await answered(url, "conversations", "rename", conversation, "Networks", *ada)
        parameters = '{"frequency_hz": 440, "size_pixels": 64}'
        task = await answered(url, "tasks", "submit", "cymatic", "--parameters", parameters)
        assert json.loads(exported[1])["prompt"] == "What is a heron?"
        assert conversation == answer["metadata"]["conversation_id"]
        assert renamed["title"] == "Networks"

        _, events, _ = await typed(url, "tasks", "events", task["job_id"])
        picture = tmp_path / "pattern.png"
        code, _, errors = await typed(
            url, "tasks", "download", task["job_id"], "pattern.png", "--output", str(picture)
        )
        assert b"event: done" in events
        assert code == 0, errors
        assert picture.read_bytes().startswith(b"\x89PNG")


async def test_what_goes_wrong_is_one_sentence(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "data") as system:
        missing, wrong, nobody = await asyncio.gather(
            typed(system.url, "datasets", "show", "nowhere"),
            typed(system.url, "examples", "create", "birds", "--prompt", "x"),
            typed("http://127.0.0.1:9", "system", "health"),
        )

        assert missing[0] == wrong[0] == nobody[0] == 1
        assert "nowhere" in missing[2]
        assert "response" in wrong[2]
        assert "No gateway answers" in nobody[2]
        assert all(len(errors.strip().splitlines()) == 1 for _, _, errors in (missing, wrong, nobody))
