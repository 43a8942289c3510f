"""One trace of a really running system, from the client's request to the work of a Celery worker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.otlp_receiver import OtlpReceiver, ReceivedSpan, otlp_receiver
from tests.support.truth_house import TruthHouse, truth_house
from tests.support.waiting import eventually

# Spans are sent in batches, and the work takes its time.
ARRIVAL_SECONDS = 30.0
TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    async with otlp_receiver() as running:
        yield running


@pytest.fixture
async def house(tmp_path: Path, receiver: OtlpReceiver) -> AsyncIterator[TruthHouse]:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    async with truth_house(tmp_path, environment) as running:
        yield running


@pytest.mark.timeout(180)
async def test_one_trace_reaches_from_http_over_grpc_sql_and_redis_to_the_celery_task(
    house: TruthHouse, receiver: OtlpReceiver
) -> None:
    answer = await house.client.post(
        "/api/chat",
        json={"message": "Make a cymatic pattern of 432 Hz"},
        headers={"traceparent": f"00-{TRACE}-{CLIENT}-01"},
    )
    assert answer.status_code == 200, answer.text

    async def found() -> dict[str, ReceivedSpan]:
        spans = receiver.trace(TRACE)
        assert spans, "no span of the trace has arrived"
        wanted = {
            "http": _one(spans, "gateway", "POST /api/chat"),
            "cache": _one(spans, "knowledge", "mcai.knowledge.v1"),
            "redis": _one(spans, "knowledge", "", "redis"),
            "submit": _one(spans, "task", "mcai.task.v1.TaskService/SubmitTask"),
            "insert": _one(spans, "task", "", "postgresql"),
            "work": _one(spans, "task-worker", "task cymatic"),
            "result": _one(spans, "task-worker", "", "postgresql"),
        }
        known = {span.span_id for span in spans} | {CLIENT}
        assert [span for span in spans if span.parent_id not in known] == []
        return wanted

    spans = await eventually(found, ARRIVAL_SECONDS)
    assert spans["http"].parent_id == CLIENT
    assert spans["http"].attributes["http.response.status_code"] == "200"
    assert spans["cache"].parent_id == spans["submit"].parent_id == spans["http"].span_id
    assert spans["insert"].parent_id == spans["work"].parent_id == spans["submit"].span_id
    assert spans["redis"].parent_id == spans["cache"].span_id
    assert spans["result"].parent_id == spans["work"].span_id
    assert "432" not in spans["insert"].attributes.values()


async def test_what_nobody_asked_for_begins_no_trace(house: TruthHouse, receiver: OtlpReceiver) -> None:
    await house.client.get("/api/emotions", headers={"traceparent": f"00-{TRACE}-{CLIENT}-01"})
    await eventually(lambda: receiver.trace(TRACE), ARRIVAL_SECONDS)

    # Each service has looked for work, followed a feed and been asked for its health many times by now.
    roots = {span.name for span in receiver.spans if not span.parent_id}
    assert {name for name in roots if not name.startswith(("GET ", "POST ", "mcai."))} == set()


def _one(spans: list[ReceivedSpan], service: str, name: str, database: str | None = None) -> ReceivedSpan:
    """The first span of a service whose name begins so, and that asked such a database."""
    for span in spans:
        system = span.attributes.get("db.system", span.attributes.get("db.system.name"))
        if span.service == service and span.name.startswith(name) and system == database:
            return span
    raise AssertionError(f"{service} has sent no span {name!r} of {database}: {spans}")
