"""`mcai run` as a person meets it: it answers, stops cleanly, keeps everything, and explains its refusals."""

import signal
import socket
from pathlib import Path

import pytest

from tests.support.embedded_system import embedded_system, spawn


async def refusal(*arguments: str) -> tuple[int, str]:
    """Exit code and the one sentence of a start that must fail."""
    process = await spawn("run", *arguments)
    _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode().strip()


async def test_it_answers_from_the_starter_bank(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "data") as system:
        response = await system.client.post("/api/chat", json={"message": "what can you do?"})

    body = response.json()
    assert response.status_code == 200
    assert body["status"] == "ok"
    assert body["metadata"]["sources"][0]["domain"] == "mcai"
    assert body["metadata"]["degraded"] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    async with embedded_system(tmp_path / "data") as system:
        ended = await system.stop(number)

    assert (ended.code, ended.errors) == (0, "")


async def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    example = {"prompt": "who guards the lighthouse of Aldra?", "response": "Old Mirren and her dog."}
    async with embedded_system(tmp_path / "data") as system:
        (await system.client.post("/api/datasets/tales/examples", json=example)).raise_for_status()
        await system.client.post(
            "/api/chat", json={"message": example["prompt"], "user_id": "u1", "conversation_id": "c1"}
        )
        await system.stop()

    async with embedded_system(tmp_path / "data") as system:
        answer = (await system.client.post("/api/chat", json={"message": example["prompt"]})).json()
        history = (await system.client.get("/api/history", params={"user_id": "u1"})).json()

    assert answer["response"] == example["response"]
    assert [each["role"] for each in history["conversation"]] == ["user", "assistant"]


async def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "data") as system:
        for number in range(20):
            body = {"prompt": f"quintessence {number}", "response": f"answer {number}"}
            (await system.client.post("/api/datasets/kept/examples", json=body)).raise_for_status()
        await system.stop(signal.SIGKILL)

    async with embedded_system(tmp_path / "data") as system:
        found = await system.client.get(
            "/api/search", params={"q": "quintessence", "domain": "kept", "limit": 50}
        )

    assert len(found.json()["results"]) == 20


async def test_two_systems_run_side_by_side(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "one") as one, embedded_system(tmp_path / "two") as two:
        assert one.url != two.url
        for system in (one, two):
            assert (await system.client.get("/readyz")).json()["status"] == "ok"


async def test_a_deep_data_directory_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)

    async with embedded_system(deep) as system:
        assert (await system.client.get("/readyz")).status_code == 200


async def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code, sentence = await refusal("--port", str(port), "--data-dir", str(tmp_path / "data"))

    assert code != 0
    assert str(port) in sentence
    assert len(sentence.splitlines()) == 1


async def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    code, sentence = await refusal("--port", "0", "--data-dir", str(tmp_path / "file" / "data"))

    assert code != 0
    assert "cannot be written" in sentence
    assert len(sentence.splitlines()) == 1


async def test_a_directory_in_use_is_one_sentence(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "data"):
        code, sentence = await refusal("--port", "0", "--data-dir", str(tmp_path / "data"))

    assert code != 0
    assert "Another system runs on the data directory" in sentence
    assert len(sentence.splitlines()) == 1


async def test_a_corrupt_database_is_one_sentence(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "data") as system:
        await system.stop()
    databases = [*(tmp_path / "data" / "dataset").glob("*.db")]
    assert databases
    for path in databases:
        path.write_bytes(b"this is not a database, and it is longer than a header" * 100)

    code, sentence = await refusal("--port", "0", "--data-dir", str(tmp_path / "data"))

    assert code != 0
    assert str(tmp_path / "data" / "dataset") in sentence
    assert len(sentence.splitlines()) == 1
