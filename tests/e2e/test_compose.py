"""The real Compose project: it answers, it spreads calls, and it goes on while its parts are away.

Each outage kills the containers, looks, and starts them again; the next test finds everything whole.
"""

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.compose_project import REPLICAS, ComposeProject
from tests.support.node_sdk import session
from tests.support.openai_sessions import check_node_session, check_python_sdk
from tests.support.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

KNOWN = "what can you do?"
RETURN_SECONDS = 5.0
SETTLING_SECONDS = 30.0

COUNT_CALLS = """
import urllib.request
text = urllib.request.urlopen("http://127.0.0.1:9464/metrics").read().decode()
print(sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
          if line.startswith("mcai_grpc_server_handled_total") and 'service="%s"' in line))
"""


async def eventually_whole(project: ComposeProject) -> dict[str, Any]:
    """What `whole` returns, once it is so: on a busy machine a probe may be late with nothing away."""
    return await eventually(lambda: whole(project), timeout_seconds=SETTLING_SECONDS)


def whole(project: ComposeProject) -> dict[str, Any]:
    """An answer for which nothing was missing, and a search that no cache can answer."""
    search = project.client.get("/api/search", params={"q": "python list"})
    assert search.status_code == 200, search.text
    assert "x-mcai-degraded" not in search.headers, search.headers
    assert project.client.get("/readyz").json() == {"status": "ok", "degraded": []}
    response = project.ask(KNOWN)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert body["metadata"]["degraded"] == [], body["metadata"]
    assert body["metadata"]["sources"], body
    return body


async def whole_again_after(project: ComposeProject, service: str) -> None:
    """Start a service and see full service within the time that is promised after its return."""
    project.start(service)
    # Containers take their time to start: the promise counts from when they answer their health checks.
    await eventually(lambda: project.healthy(service), timeout_seconds=60)
    returned = time.monotonic()
    await eventually_whole(project)
    assert time.monotonic() - returned < RETURN_SECONDS


def test_nobody_gets_in_without_a_key(compose_project: ComposeProject) -> None:
    anonymous = httpx2.Client(base_url=compose_project.client.base_url, timeout=20)
    with anonymous:
        assert anonymous.get("/livez").status_code == 200
        assert anonymous.post("/api/chat", json={"message": KNOWN}).status_code == 401
        assert anonymous.get("/metrics").status_code == 401


def test_published_on_loopback_it_would_ask_for_none(compose_project: ComposeProject) -> None:
    gateway = json.loads(compose_project.run("config", "--format", "json"))["services"]["gateway"]

    assert gateway["environment"]["MCAI_PUBLISHED_HOST"] == "127.0.0.1"
    assert [each["host_ip"] for each in gateway["ports"]] == ["127.0.0.1"]


async def test_openais_python_client(compose_project: ComposeProject) -> None:
    await check_python_sdk(f"{compose_project.client.base_url}/v1", _chat_key(compose_project), "networking")


async def test_openais_node_client(compose_project: ComposeProject, node_sdk: Path) -> None:
    seen = await session(node_sdk, f"{compose_project.client.base_url}/v1", _chat_key(compose_project))

    check_node_session(seen, "networking")


def _chat_key(project: ComposeProject) -> str:
    response = project.client.post("/api/keys", json={"name": "sdk"})
    assert response.status_code == 201, response.text
    key: str = response.json()["key"]
    return key


async def test_it_answers_from_the_starter_bank_with_sources(compose_project: ComposeProject) -> None:
    body = await eventually_whole(compose_project)

    assert body["status"] == "ok"
    assert body["metadata"]["sources"][0]["domain"] == "mcai"


def test_calls_are_spread_over_the_replicas(compose_project: ComposeProject) -> None:
    for number in range(40):
        compose_project.client.get("/api/search", params={"q": f"python {number}"}).raise_for_status()

    program = COUNT_CALLS % "mcai.dataset.v1.DatasetService"
    counts = [
        float(compose_project.python("dataset-svc", index, program))
        for index in range(1, REPLICAS["dataset-svc"] + 1)
    ]
    assert min(counts) >= 10


async def test_health_shows_every_replica(compose_project: ComposeProject) -> None:
    body = await eventually(lambda: _healthy(compose_project), timeout_seconds=SETTLING_SECONDS)

    assert body["services"]["redis"]
    assert body["services"]["database"]
    assert body["services"]["monitor"]


def _healthy(project: ComposeProject) -> dict[str, Any]:
    body: dict[str, Any] = project.client.get("/api/system/health").json()
    assert body["status"] == "healthy", body
    return body


@pytest.mark.parametrize("service", ["redis", "postgres", "knowledge-svc", "task-svc", "monitor-svc"])
async def test_known_questions_are_answered_while_a_part_is_away(
    compose_project: ComposeProject, service: str
) -> None:
    await eventually_whole(compose_project)
    compose_project.kill(service)
    try:
        for _ in range(5):
            response = compose_project.ask(KNOWN)
            assert response.status_code == 200, response.text
            assert response.json()["metadata"]["sources"]
    finally:
        await whole_again_after(compose_project, service)


async def test_a_cached_answer_outlives_the_bank_and_an_unknown_question_is_refused_honestly(
    compose_project: ComposeProject,
) -> None:
    await eventually_whole(compose_project)
    compose_project.kill("dataset-svc")
    try:
        cached = await eventually(lambda: _answered(compose_project, KNOWN), timeout_seconds=30)
        unknown = compose_project.ask("how do volcanoes on Io compare with those on Earth, exactly?")
        assert cached["metadata"]["sources"]
        assert unknown.status_code == 503
        assert "retry-after" in unknown.headers
    finally:
        await whole_again_after(compose_project, "dataset-svc")


def _answered(project: ComposeProject, message: str) -> dict[str, Any]:
    response = project.ask(message)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_examples_written_while_postgres_is_away_are_found_and_replayed_once(
    compose_project: ComposeProject,
) -> None:
    example = {"prompt": "what is the zanzibar quorum rule?", "response": "Five of nine must agree."}
    compose_project.kill("postgres")
    try:
        created = await eventually(lambda: _created(compose_project, example), timeout_seconds=30)
        assert created["durability"] == "journalled"
    finally:
        await whole_again_after(compose_project, "postgres")

    await eventually(lambda: _found_everywhere(compose_project, "zanzibar quorum"), timeout_seconds=15)


def _created(project: ComposeProject, example: dict[str, str]) -> dict[str, Any]:
    response = project.client.post("/api/datasets/outage/examples", json=example)
    assert response.status_code == 202, response.text
    body: dict[str, Any] = response.json()
    return body


def _found_everywhere(project: ComposeProject, words: str) -> bool:
    # Round robin: as many searches in a row as there are replicas, twice over, all find exactly one.
    for _ in range(2 * REPLICAS["dataset-svc"]):
        results = project.client.get("/api/search", params={"q": words, "domain": "outage"}).json()["results"]
        assert len(results) == 1, results
    return True


async def test_a_picture_is_made_by_a_worker_and_also_while_the_broker_is_away(
    compose_project: ComposeProject,
) -> None:
    await _picture(compose_project, 440)
    compose_project.kill("redis")
    try:
        await _picture(compose_project, 441)
    finally:
        await whole_again_after(compose_project, "redis")


async def test_four_workers_share_the_work(compose_project: ComposeProject) -> None:
    scaled = ("up", "--detach", "--wait", "--no-deps", "--no-recreate", "--scale", "task-worker=4")
    compose_project.run(*scaled, "task-worker")
    submitted = [_submitted(compose_project, 1000 + number, 512) for number in range(40)]
    for task_id in submitted:
        await _succeeded(compose_project, task_id)
    logs = compose_project.run("logs", "task-worker").splitlines()
    made_by = {line.split("|")[0] for line in logs if any(each in line for each in submitted)}
    # Who is free takes the next one; on two cores one of them may be late each time.
    assert len(made_by) >= 3


async def _picture(project: ComposeProject, frequency_hz: float) -> None:
    task_id = _submitted(project, frequency_hz, 128)
    await _succeeded(project, task_id)
    picture = project.client.get(f"/api/tasks/{task_id}/artifacts/pattern.png")
    assert picture.content.startswith(b"\x89PNG")


def _submitted(project: ComposeProject, frequency_hz: float, size_pixels: int) -> str:
    body = {"kind": "cymatic", "parameters": {"frequency_hz": frequency_hz, "size_pixels": size_pixels}}
    submitted = project.client.post("/api/tasks", json=body)
    assert submitted.status_code == 202, submitted.text
    return str(submitted.json()["job_id"])


async def _succeeded(project: ComposeProject, task_id: str) -> None:
    def succeeded() -> bool:
        task = project.client.get(f"/api/tasks/{task_id}").json()
        assert task["state"] == "succeeded", task
        return True

    await eventually(succeeded, timeout_seconds=60)
