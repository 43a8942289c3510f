import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from structlog.testing import capture_logs

from servicekit import spans, tracing
from servicekit.otlp import OtlpRecorder

TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331


class Collector:
    """What a recorder was given, once it has said that it is all."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._recorder = OtlpRecorder(self._exporter, "dataset")
        tracing.record_with(self._recorder)

    def spans(self) -> dict[str, ReadableSpan]:
        self._recorder.close()
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def collector() -> Iterator[Collector]:
    yield Collector()
    tracing.record_with(None)


def test_a_span_is_recorded_below_the_callers(collector: Collector) -> None:
    with tracing.span("outer", f"00-{TRACE:032x}-{SPAN:016x}-01") as outer, tracing.span("inner") as inner:
        assert outer.trace_id == inner.trace_id == f"{TRACE:032x}"
        assert outer.sampled

    recorded = collector.spans()
    assert recorded["outer"].parent is not None
    assert (recorded["outer"].parent.trace_id, recorded["outer"].parent.span_id) == (TRACE, SPAN)
    assert recorded["inner"].parent is not None
    assert f"{recorded['inner'].parent.span_id:016x}" == outer.span_id
    assert (recorded["outer"].kind, recorded["inner"].kind) == (SpanKind.SERVER, SpanKind.INTERNAL)
    assert recorded["outer"].resource.attributes["service.name"] == "dataset"


def test_a_trace_that_begins_here_has_no_parent(collector: Collector) -> None:
    with tracing.span("alone") as context:
        assert tracing.current() == context

    assert collector.spans()["alone"].parent is None


def test_what_the_caller_does_not_record_is_not_recorded_here(collector: Collector) -> None:
    with tracing.span("unsampled", f"00-{TRACE:032x}-{SPAN:016x}-00") as context, tracing.step("part"):
        assert (context.trace_id, context.sampled) == (f"{TRACE:032x}", False)

    assert collector.spans() == {}


def test_a_step_shows_inside_a_trace_and_begins_none(collector: Collector) -> None:
    with tracing.step("looking for work"):
        assert tracing.current() is None
    with tracing.span("call"), tracing.step("part"):
        pass

    assert set(collector.spans()) == {"call", "part"}


def test_health_checks_begin_no_trace(collector: Collector) -> None:
    with tracing.span("grpc.health.v1.Health/Check"):
        pass

    assert collector.spans() == {}


def test_a_span_gets_its_name_and_attributes_when_they_are_known(collector: Collector) -> None:
    with tracing.span("http"):
        tracing.describe("GET /api/tasks/{task_id}", status=200)

    assert collector.spans()["GET /api/tasks/{task_id}"].attributes == {"status": 200}


def test_a_fault_is_seen_in_its_span(collector: Collector) -> None:
    with pytest.raises(ValueError, match="broken"), tracing.span("call"):
        raise ValueError("broken")

    assert not collector.spans()["call"].status.is_ok


def test_without_a_recorder_steps_and_descriptions_are_nothing() -> None:
    with tracing.span("call") as context, tracing.step("part"):
        tracing.describe("call", status=200)
        assert tracing.current() == context


def test_without_an_endpoint_nothing_is_set_up() -> None:
    with capture_logs() as lines:
        assert not spans.configure(None, "dataset")

    assert lines == []


def test_an_endpoint_without_the_packages_is_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "servicekit.otlp", None)  # as on a machine without the packages

    with capture_logs() as lines:
        assert not spans.configure("http://127.0.0.1:4317", "dataset")

    assert [line["log_level"] for line in lines] == ["warning"]
