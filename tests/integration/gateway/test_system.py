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


async def test_invalidating_forgets_the_cached_answers(house: House) -> None:
    await house.ask("what is tcp")
    assert (await house.ask("what is tcp")).json()["metadata"]["cache"]["hit"] is True

    response = await house.client.post("/api/system/cache/invalidate")

    assert response.json()["success"] is True
    assert response.json()["evicted"] >= 1
    assert (await house.ask("what is tcp")).json()["metadata"]["cache"]["hit"] is False
    named = await house.client.post("/api/system/cache/invalidate", json={"domains": ["networking"]})
    assert named.json()["evicted"] >= 1


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
