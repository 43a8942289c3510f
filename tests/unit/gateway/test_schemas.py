"""Shapes that older clients read, and the settings' own rules."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway.chat.model import Answer, Kind, Tier
from gateway.chat.understand import understand
from gateway.fallback_system import SeenHealth
from gateway.listener import Listener
from gateway.metrics import GatewayMetrics
from gateway.process import ProcessMeter
from gateway.schemas.chat import ChatRequest, TurnBody
from gateway.schemas.health import health_body
from gateway.schemas.tasks import job_body, task_body
from gateway.settings import GatewaySettings
from mcai.monitor.v1 import monitor_pb2, replica_pb2
from mcai.task.v1 import task_pb2
from servicekit.errors import ConfigurationError, InvalidArgument
from servicekit.settings import load


@pytest.mark.parametrize(
    ("state", "status", "field"),
    [
        (task_pb2.TASK_STATE_QUEUED, "queued", "position"),
        (task_pb2.TASK_STATE_RUNNING, "processing", "progress"),
        (task_pb2.TASK_STATE_SUCCEEDED, "completed", "result"),
        (task_pb2.TASK_STATE_FAILED, "failed", "error"),
        (task_pb2.TASK_STATE_CANCELLED, "failed", "error"),
    ],
)
def test_a_job_has_the_one_field_of_its_status(
    state: "task_pb2.TaskState.ValueType", status: str, field: str
) -> None:
    job = job_body(task_pb2.Task(id="t/1", state=state))

    assert (job.job_id, job.status, job.poll_url) == ("t/1", status, "/api/job/t/1")
    assert [
        name for name in ("result", "error", "progress", "position") if getattr(job, name) is not None
    ] == [field]


def test_an_artefacts_address_cannot_lead_elsewhere() -> None:
    task = task_pb2.Task(id="../x", artifacts=[task_pb2.Artifact(name="a/../b?c")])

    assert task_body(task).artifacts[0].url == "/api/tasks/..%2Fx/artifacts/a%2F..%2Fb%3Fc"


def replica(service: str, *probes: tuple[str, bool], serving: bool = True) -> monitor_pb2.ServiceHealth:
    status = replica_pb2.ReplicaStatus(
        service=service,
        serving=serving,
        probes=[replica_pb2.ProbeResult(name=name, healthy=healthy) for name, healthy in probes],
    )
    return monitor_pb2.ServiceHealth(
        name=service, replicas=[monitor_pb2.ReplicaHealth(reachable=True, last_status=status)]
    )


@pytest.mark.parametrize(
    ("services", "redis", "database", "mode"),
    [
        ([replica("dataset-svc", ("sqlite", True))], False, True, "embedded"),
        ([replica("dataset-svc", ("postgres", False))], False, False, "embedded"),
        ([replica("dataset-svc", ("postgres", True), serving=False)], False, False, "embedded"),
        ([replica("dataset-svc"), replica("knowledge-svc", ("redis", True))], True, True, "redis"),
        ([replica("knowledge-svc", ("redis", False))], False, False, "redis"),
        ([replica("task-svc", ("sqlite", True))], False, False, "embedded"),
        ([], False, False, "embedded"),
    ],
)
def test_health_says_what_the_probes_said(
    services: list[monitor_pb2.ServiceHealth], redis: bool, database: bool, mode: str
) -> None:
    seen = SeenHealth("monitor", monitor_pb2.SystemHealth(services=services))
    body = health_body(seen, 10.0, 1.0, 7)

    assert (body.services.redis, body.services.database, body.modes) == (redis, database, {"redis": mode})
    assert (body.memory_mb, body.cpu_percent, body.worker_pid) == (10.0, 1.0, 7)


def test_of_a_long_history_the_last_turns_are_read() -> None:
    turns = [TurnBody("user", str(number)) for number in range(10)]
    request = ChatRequest(message="x", conversation_history=turns, domain="a", domains=["b"])
    question = request.question(100, 3)

    assert [turn.content for turn in question.history] == ["7", "8", "9"]
    assert question.domains == ("b", "a")
    assert request.question(100, 0).history == ()
    with pytest.raises(InvalidArgument, match="may have 2 characters"):
        ChatRequest(message="xyz").question(2, 3)


def test_metrics_that_are_declared_are_exported_and_count() -> None:
    registry = CollectorRegistry()
    metrics = GatewayMetrics(registry)
    metrics.began()
    metrics.ended("GET", "/livez", 503, 0.5)
    answer = Answer(
        kind=Kind.ANSWER,
        text="",
        sources=(),
        suggestions=(),
        confidence=1,
        understanding=understand("x"),
        conversation_id=None,
        durability=None,
        model="extractive",
        cache_tier=Tier.REDIS,
        stale=False,
        degraded=frozenset(),
        elapsed_ms=1,
    )
    metrics.answered(answer)
    text = generate_latest(registry).decode()

    for line in (
        'mcai_http_requests_total{method="GET",route="/livez",status="503"} 1.0',
        'mcai_http_request_seconds_count{route="/livez"} 1.0',
        "mcai_http_requests_in_progress 0.0",
        'mcai_chat_answers_total{kind="answer",tier="redis"} 1.0',
    ):
        assert line in text
    totals = metrics.totals
    assert (totals.requests, totals.failed, totals.cache_hits, totals.cache_hit_rate) == (1, 1, 1, 1.0)
    assert totals.mean_latency_ms == 500.0


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - nothing is bound here
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_address_is_one_that_a_client_here_can_use(host: str, url: str) -> None:
    assert Listener(host, 80).url == url


def test_settings_are_checked_with_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="MCAI_PORT"):
        load(GatewaySettings, port=70_000)


def test_the_processor_use_is_that_since_the_measure_before() -> None:
    seconds = iter([0.0, 10.0, 10.0])
    meter = ProcessMeter(lambda: next(seconds))
    memory_mb, cpu_percent = meter.measure()

    assert memory_mb > 1
    assert cpu_percent >= 0
    assert meter.measure()[1] == cpu_percent
