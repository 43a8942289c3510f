"""Tasks over HTTP, on a real task-svc: from the request to the picture."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.gateway_house import House
from tests.support.task_replica import LONG, task_replica
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL = {"frequency_hz": 432, "size_pixels": 64}
PATIENCE_SECONDS = 60.0


async def finished(house: House, task_id: str) -> dict[str, Any]:
    """The task once it is over."""

    async def over() -> dict[str, Any] | None:
        task: dict[str, Any] = (await house.client.get(f"/api/tasks/{task_id}")).json()
        return task if task["state"] not in {"queued", "running"} else None

    found: dict[str, Any] | None = await eventually(over, PATIENCE_SECONDS)
    assert found is not None
    return found


async def test_a_pattern_is_asked_for_made_and_fetched(house: House) -> None:
    submitted = await house.client.post("/api/cymatic/generate", json=SMALL)

    assert submitted.status_code == 202
    job = submitted.json()
    assert set(job) >= {"job_id", "status", "poll_url"}
    assert job["durability"] == "committed"
    task = await finished(house, job["job_id"])
    assert task["state"] == "succeeded"
    assert task["kind"] == "cymatic"
    assert task["parameters"]["frequency_hz"] == 432
    picture = next(each for each in task["artifacts"] if each["media_type"] == "image/png")
    response = await house.client.get(picture["url"])
    assert response.headers["content-type"] == "image/png"
    assert len(response.content) == picture["size_bytes"]
    assert hashlib.sha256(response.content).hexdigest() == picture["sha256"]
    again = await house.client.get(picture["url"], headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("message", "kind", "media_type"),
    [
        ("Show me 528 Hz", "cymatic", "image/png"),
        ("draw me a calm ocean", "art", "image/png"),
        ("play something sad for 5 seconds", "music", "audio/wav"),
    ],
)
async def test_the_chat_answers_with_a_task_and_it_is_done(
    house: House, message: str, kind: str, media_type: str
) -> None:
    answer = (await house.ask(message, user_id="ada")).json()

    begun = answer["metadata"]["task"]
    assert (answer["metadata"]["kind"], begun["kind"]) == ("task", kind)
    assert begun["poll_url"] in answer["response"]
    polled = (await house.client.get(begun["poll_url"])).json()
    assert (polled["job_id"], polled["poll_url"]) == (begun["job_id"], begun["poll_url"])
    task = await finished(house, begun["job_id"])
    assert (task["state"], task["user_id"]) == ("succeeded", "ada")
    assert task["parameters"] == begun["parameters"]
    job = (await house.client.get(begun["poll_url"])).json()
    made = next(each for each in job["result"]["artifacts"] if each["media_type"] == media_type)
    file = await house.client.get(made["url"])
    assert (file.status_code, len(file.content)) == (200, made["size_bytes"])


async def test_openais_clients_are_given_the_task_too(house: House) -> None:
    body = {"model": "mcai", "messages": [{"role": "user", "content": "play music for 20 hours"}]}
    declined = (await house.client.post("/v1/chat/completions", json=body)).json()
    body["messages"] = [{"role": "user", "content": "show me 20 Hz"}]
    begun = (await house.client.post("/v1/chat/completions", json=body)).json()

    assert declined["mcai"]["kind"] == "declined"
    assert "600" in declined["choices"][0]["message"]["content"]
    assert begun["mcai"]["task"]["poll_url"] in begun["choices"][0]["message"]["content"]


async def test_a_file_is_fetched_in_ranges(house: House) -> None:
    job = (await house.client.post("/api/cymatic/generate", json=SMALL)).json()
    (picture,) = (await finished(house, job["job_id"]))["artifacts"]
    whole = await house.client.get(picture["url"])
    size, etag = len(whole.content), whole.headers["etag"]
    assert whole.headers["accept-ranges"] == "bytes"

    async def asked(**headers: str) -> tuple[int, bytes, str | None]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await house.client.get(picture["url"], headers=named)
        return answer.status_code, answer.content, answer.headers.get("content-range")

    part = (206, whole.content[10:20], f"bytes 10-19/{size}")
    assert await asked(range="bytes=10-19") == part
    assert await asked(range="bytes=10-19", if_range=etag) == part
    assert await asked(range="bytes=10-19", if_range='"other"') == (200, whole.content, None)
    assert await asked(range="bytes=-7") == (206, whole.content[-7:], f"bytes {size - 7}-{size - 1}/{size}")
    assert await asked(range=f"bytes=5-{size + 99}") == (206, whole.content[5:], f"bytes 5-{size - 1}/{size}")
    assert await asked(range="bytes=0-0,5-6") == (200, whole.content, None)
    assert await asked(range="bytes=10-19", if_none_match=etag) == (304, b"", None)
    status, problem, content_range = await asked(range=f"bytes={size}-")
    assert (status, content_range) == (416, f"bytes */{size}")
    assert json.loads(problem)["detail"] == f"The file has {size} bytes."


async def test_who_has_asked_for_too_much_is_told_when_to_come_back(house: House, tmp_path: Path) -> None:
    async with (
        task_replica(tmp_path, local_pool_processes=1, max_queued_per_user=2) as replica,
        house.second_gateway(task_target=replica.server.address) as client,
    ):
        await replica.started((await replica.submit(parameters=LONG)).id)

        async def asked(user: str) -> httpx2.Response:
            body = {"kind": "cymatic", "parameters": SMALL, "user_id": user}
            return await client.post("/api/tasks", json=body)

        answers = [await asked(user) for user in ("ann", "ann", "ann", "bob")]
        assert [answer.status_code for answer in answers] == [202, 202, 429, 202]
        assert answers[2].headers["retry-after"] == "10"
        assert answers[2].json()["detail"] == "2 tasks of yours are queued already."


async def test_music_is_asked_for_played_and_fetched(house: House) -> None:
    wish = {"prompt": "something sad", "duration_seconds": 5}
    job = (await house.client.post("/api/tasks", json={"kind": "music", "parameters": wish})).json()
    task = await finished(house, job["job_id"])

    assert (task["state"], task["parameters"]["mood"]) == ("succeeded", "sadness")
    sound, notes = task["artifacts"]
    assert (sound["media_type"], notes["media_type"]) == ("audio/wav", "audio/midi")
    assert (await house.client.get(sound["url"])).content[:4] == b"RIFF"
    assert (await house.client.get(notes["url"])).content[:4] == b"MThd"


async def test_older_clients_poll_a_job(house: House) -> None:
    job = (await house.client.post("/api/tasks", json={"kind": "cymatic", "parameters": SMALL})).json()

    assert job["status"] in {"queued", "processing"}
    await finished(house, job["job_id"])
    done = (await house.client.get(job["poll_url"])).json()

    assert (done["job_id"], done["status"]) == (job["job_id"], "completed")
    assert done["result"]["artifacts"][0]["url"].startswith(f"/api/tasks/{job['job_id']}/")
    assert isinstance(done["result"]["analysis"], dict)


async def test_progress_streams_until_the_end(house: House) -> None:
    job = (await house.client.post("/api/cymatic/generate", json={**SMALL, "seed": 2})).json()

    async with asyncio.timeout(PATIENCE_SECONDS):
        response = await house.client.get(f"/api/tasks/{job['job_id']}/events", timeout=PATIENCE_SECONDS)

    pieces = [piece.splitlines() for piece in response.text.split("\n\n") if "data: " in piece]
    names = [lines[1].removeprefix("event: ") for lines in pieces]
    revisions = [int(lines[0].removeprefix("id: ")) for lines in pieces]
    assert names[-1] == "done"
    assert set(names[:-1]) <= {"state"}
    assert revisions == sorted(set(revisions))
    assert json.loads(pieces[-1][2].removeprefix("data: "))["state"] == "succeeded"
    later = await house.client.get(
        f"/api/tasks/{job['job_id']}/events", headers={"last-event-id": str(revisions[-1] - 1)}
    )
    assert later.text.count("event: ") == 1


async def test_the_same_key_and_body_give_the_same_task(house: House) -> None:
    headers = {"idempotency-key": "key-1"}
    first = (await house.client.post("/api/cymatic/generate", json=SMALL, headers=headers)).json()
    second = (await house.client.post("/api/cymatic/generate", json=SMALL, headers=headers)).json()
    other = await house.client.post("/api/cymatic/generate", json={"frequency_hz": 99}, headers=headers)

    assert first["job_id"] == second["job_id"]
    assert other.status_code == 422


async def test_a_task_is_cancelled(house: House) -> None:
    job = (
        await house.client.post("/api/cymatic/generate", json={"frequency_hz": 9000, "size_pixels": 2048})
    ).json()

    cancelled = await house.client.delete(f"/api/tasks/{job['job_id']}")
    again = await house.client.post(f"/api/tasks/{job['job_id']}:cancel")
    polled = (await house.client.get(job["poll_url"])).json()

    assert cancelled.json()["state"] in {"cancelled", "running"}
    assert again.status_code == 200
    task = await finished(house, job["job_id"])
    assert task["state"] in {"cancelled", "succeeded"}
    assert polled["status"] in {"failed", "processing", "completed"}


async def test_tasks_are_listed_by_user_state_and_kind(house: House) -> None:
    body = {"kind": "cymatic", "parameters": SMALL, "user_id": "list-user"}
    job = (await house.client.post("/api/tasks", json=body)).json()
    await finished(house, job["job_id"])

    def query(**wanted: str) -> Any:
        return house.client.get("/api/tasks", params={"user_id": "list-user", **wanted})

    found = (await query(state="succeeded", kind="cymatic")).json()
    assert [each["id"] for each in found["tasks"]] == [job["job_id"]]
    assert (await query(state="failed")).json()["tasks"] == []
    assert (await query(kind="art")).json()["tasks"] == []


async def test_what_cannot_be_made_is_refused_with_a_sentence(house: House) -> None:
    wrong = await house.client.post("/api/cymatic/generate", json={"frequency_hz": "loud"})
    unknown = await house.client.post("/api/tasks", json={"kind": "art", "parameters": {"style": "cubist"}})
    endless = await house.client.post(
        "/api/tasks", json={"kind": "music", "parameters": {"duration_seconds": 601}}
    )
    missing = await house.client.get("/api/job/00000000-0000-7000-8000-000000000000")

    assert wrong.status_code == 400
    assert "frequency_hz" in wrong.json()["detail"]
    assert unknown.status_code == 422
    assert "mandala" in unknown.json()["detail"]
    assert endless.status_code == 400
    assert "from 5 to 600" in endless.json()["detail"]
    assert missing.status_code == 404
