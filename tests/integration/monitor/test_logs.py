"""The logs of a really running system: JSON, an event a line, no secret, and nothing that a user wrote."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.truth_house import MODULES, POSTGRES_PASSWORD, TruthHouse, truth_house
from tests.support.waiting import eventually

PATIENCE_SECONDS = 60.0
TOKEN = "service-token-9b1f4c"
TEXTS = {
    "question": "Whatdoesxylocarpmean",
    "example": "Thexylocarpisafruit",
    "feedback": "Nothelpfulxyloremark",
    "drawing": "xylophoneofthemoon",
    "key": "mcai_notakeyatallxyz",
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TruthHouse]:
    async with truth_house(tmp_path, {"MCAI_SERVICE_TOKEN": TOKEN}) as running:
        yield running


async def use(client: httpx2.AsyncClient) -> None:
    """Every kind of text that a user can send, and what is refused."""
    (await client.post("/api/chat", json={"message": TEXTS["question"]})).raise_for_status()
    example = {"prompt": TEXTS["question"], "response": TEXTS["example"]}
    (await client.post("/api/datasets/fruits/examples", json=example)).raise_for_status()
    feedback = {"message": TEXTS["question"], "rating": "like", "metadata": {"why": TEXTS["feedback"]}}
    (await client.post("/api/feedback", json=feedback)).raise_for_status()
    drawing = {"kind": "art", "parameters": {"prompt": TEXTS["drawing"], "size_pixels": 64}}
    task = (await client.post("/api/tasks", json=drawing)).raise_for_status().json()
    await client.get("/api/search", params={"q": TEXTS["question"]})
    await client.post("/api/chat", content=f'{{"message": "{TEXTS["question"]}')
    await client.get("/api/datasets", headers={"authorization": f"Bearer {TEXTS['key']}"})

    async def is_drawn() -> bool:
        state = (await client.get(f"/api/tasks/{task['job_id']}")).json()["state"]
        return bool(state == "succeeded")

    await eventually(is_drawn, PATIENCE_SECONDS)


@pytest.mark.timeout(180)
async def test_the_logs_of_a_whole_run_hold_events_and_no_text_or_secret(
    house: TruthHouse, tmp_path: Path
) -> None:
    await use(house.client)
    # Faults have their own words, which must not repeat what was sent, or where to.
    await house.stop("postgres")
    await house.stop("redis")
    await house.client.post("/api/chat", json={"message": TEXTS["question"] + " again"})
    await eventually(lambda: "degraded" in (tmp_path / "dataset.log").read_text(), PATIENCE_SECONDS)

    for name in MODULES:
        log = (tmp_path / f"{name}.log").read_text()
        lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
        assert lines, f"{name} says nothing"
        for line in lines:
            assert {"event", "level", "timestamp"} <= line.keys(), line
            assert line["level"] in {"info", "warning", "error"}, line
        for what, text in {**TEXTS, "token": TOKEN, "password": POSTGRES_PASSWORD}.items():
            assert text not in log, f"{name} tells the {what}"
