"""The system's own routes, on real services: what they say is true."""

import os

import pytest

from servicekit.errors import ConfigurationError
from tests.support.gateway_house import House, gateway_house
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_health_has_the_fields_that_older_clients_read(house: House) -> None:
    async def complete() -> bool:
        body = (await house.client.get("/api/system/health")).json()
        return len(body["components"]) == 5 and body["status"] == "healthy"

    await eventually(complete)
    body = (await house.client.get("/api/system/health")).json()

    assert body["source"] == "monitor"
    assert body["services"] == {"redis": False, "database": True, "monitor": True}
    assert body["modes"] == {"redis": "embedded"}
    assert body["worker_pid"] == os.getpid()
    assert body["memory_mb"] > 10
    assert body["cpu_percent"] >= 0
    assert isinstance(body["warnings"], list)
    assert {each["name"] for each in body["components"]} == {
        "gateway",
        "knowledge-svc",
        "dataset-svc",
        "task-svc",
        "monitor-svc",
    }


async def test_stats_count_what_happened(house: House) -> None:
    before = (await house.client.get("/api/system/stats")).json()["performance"]
    await house.ask("what is a chord")
    await house.ask("what is a chord")
    body = (await house.client.get("/api/system/stats")).json()

    after = body["performance"]
    assert after["requests_total"] == before["requests_total"] + 3
    assert after["cache_hits"] == before["cache_hits"] + 1
    assert after["cache_misses"] == before["cache_misses"] + 1
    assert 0 < after["cache_hit_rate"] < 1
    assert after["avg_latency_ms"] > 0
    assert body["database"]["store"] == "sqlite"
    assert body["database"]["available"] is True
    assert body["database"]["examples"] == 5
    assert body["redis"]["mode"] == "embedded"
    assert body["redis"]["hits"] >= 1


async def test_health_says_what_the_user_can_do_and_since_when(house: House) -> None:
    async def whole() -> bool:
        return bool((await house.client.get("/api/system/health")).json()["status"] == "healthy")

    await eventually(whole)
    body = (await house.client.get("/api/system/health")).json()

    assert {name: each["status"] for name, each in body["capabilities"].items()} == dict.fromkeys(
        ("chat", "search", "write", "tasks"), "ok"
    )
    assert body["replicas"]["dataset-svc"] == {"known": 1, "reachable": 1, "serving": 1}
    assert body["unreachable"] == []
    assert body["since"] <= body["check_time"]
    stats = (await house.client.get("/api/system/stats")).json()
    assert stats["replicas"] == body["replicas"]
    assert stats["since"] == body["since"]
    assert stats["figures"]["gateway"]["resident_bytes"] > 1e7


async def test_changes_of_condition_are_listed_by_page(house: House) -> None:
    first = (await house.client.get("/api/system/history", params={"page_size": 1})).json()
    rest = (
        await house.client.get("/api/system/history", params={"page_token": first["next_page_token"]})
    ).json()
    chat = (await house.client.get("/api/system/history", params={"subject": "chat"})).json()

    assert len(first["transitions"]) == 1
    assert {"system", "dataset-svc"} <= {each["subject"] for each in rest["transitions"]}
    assert {each["subject"] for each in chat["transitions"]} == {"chat"}
    assert (await house.client.get("/api/system/warnings")).json() == {"warnings": [], "next_page_token": ""}


async def test_figures_over_time_have_a_step(house: House) -> None:
    day: dict[str, str | int] = {"service": "gateway", "figure": "latency_ms", "period_seconds": 86_400}
    month = day | {"period_seconds": 30 * 86_400}

    assert (await house.client.get("/api/system/figures", params=day)).json()["step_seconds"] == 15
    assert (await house.client.get("/api/system/figures", params=month)).json()["step_seconds"] == 600
    assert (await house.client.get("/api/system/figures", params={"service": "gateway"})).status_code in {
        400,
        422,
    }


async def test_the_administrator_sees_what_a_process_waits_for(house: House) -> None:
    own = (await house.client.get("/api/system/debug/tasks")).json()
    bank = (await house.client.get("/api/system/debug/tasks", params={"service": "dataset-svc"})).json()

    assert own["service"] == "gateway"
    assert "Health.watch" in {each["coroutine"] for each in bank["tasks"]}
    assert all(each["stack"] for each in bank["tasks"] if each["coroutine"] == "Health.watch")
    assert (await house.client.get("/api/system/debug/tasks", params={"service": "x"})).status_code == 400


async def test_invalidating_forgets_the_cached_answers(house: House) -> None:
    await house.ask("what is tcp")
    assert (await house.ask("what is tcp")).json()["metadata"]["cache"]["hit"] is True

    response = await house.client.post("/api/system/cache/invalidate")

    assert response.json()["success"] is True
    assert response.json()["evicted"] >= 1
    assert (await house.ask("what is tcp")).json()["metadata"]["cache"]["hit"] is False
    named = await house.client.post("/api/system/cache/invalidate", json={"domains": ["networking"]})
    assert named.json()["evicted"] >= 1


async def test_warming_loads_the_answers_that_are_stored(house: House) -> None:
    await house.ask("what is tcp")

    assert (await house.client.post("/api/system/cache/warm")).json()["loaded"] >= 1
    assert (await house.client.post("/api/system/cache/warm", json={"max_entries": 1})).json() == {
        "loaded": 1
    }


async def test_probes_of_those_who_run_it(house: House) -> None:
    for address in ("/livez", "/readyz", "/healthz"):
        response = await house.client.get(address)
        assert (response.status_code, response.json()) == (200, {"status": "ok", "degraded": []})


async def test_metrics_name_the_routes(house: House) -> None:
    await house.ask("what is udp")
    text = (await house.client.get("/metrics")).text

    assert 'mcai_http_requests_total{method="POST",route="/api/chat",status="200"}' in text
    assert "mcai_http_request_seconds_bucket" in text
    assert 'mcai_chat_answers_total{kind="answer"' in text
    assert "mcai_http_requests_in_progress" in text


async def test_every_answer_has_the_security_headers(house: House) -> None:
    for address in ("/", "/livez", "/nothing"):
        headers = (await house.client.get(address)).headers
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


async def test_an_admin_token_is_asked_for_when_there_is_one() -> None:
    async with gateway_house(admin_token="correct horse") as house:
        none = await house.client.post("/api/system/cache/invalidate")
        wrong = await house.client.post(
            "/api/system/cache/invalidate", headers={"authorization": "Bearer wrong"}
        )
        right = await house.client.post(
            "/api/system/cache/invalidate", headers={"authorization": "Bearer correct horse"}
        )

        assert (none.status_code, wrong.status_code, right.status_code) == (401, 401, 200)


async def test_a_port_in_use_is_one_sentence(house: House) -> None:
    with pytest.raises(ConfigurationError, match=f"Port {house.listener.port} .* choose another port"):
        async with gateway_house(port=house.listener.port):
            pass


async def test_the_document_of_the_api_names_every_route(house: House) -> None:
    paths = (await house.client.get("/openapi.json")).json()["paths"]

    assert {"/api/chat", "/api/search", "/api/datasets/{domain}:import", "/api/tasks/{task_id}"} <= set(paths)
