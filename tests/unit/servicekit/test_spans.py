import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace
from structlog.testing import capture_logs

from servicekit import spans, tracing

TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331


@dataclass
class Recorded:
    name: str
    parent: trace.SpanContext | None


class Tracer:
    """Stands for the SDK's tracer, which is not among our dependencies; the rest is OpenTelemetry's API."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    @contextmanager
    def start_as_current_span(self, name: str, context: Any) -> Iterator[trace.Span]:
        parent = trace.get_current_span(context).get_span_context() if context else None
        self.spans.append(Recorded(name, parent))
        trace_id = parent.trace_id if parent else TRACE
        made = trace.SpanContext(trace_id, SPAN + len(self.spans), False, trace.TraceFlags(1))
        yield trace.NonRecordingSpan(made)


@pytest.fixture
def tracer() -> Iterator[Tracer]:
    tracer = Tracer()
    tracing.record_with(spans.recorder(trace, tracer))
    yield tracer
    tracing.record_with(None)


def test_a_span_is_recorded_below_the_callers(tracer: Tracer) -> None:
    with tracing.span("outer", f"00-{TRACE:032x}-{SPAN:016x}-01") as outer, tracing.span("inner") as inner:
        assert outer.trace_id == inner.trace_id == f"{TRACE:032x}"
        assert outer.sampled

    first, second = tracer.spans
    assert (first.name, second.name) == ("outer", "inner")
    assert first.parent is not None
    assert (first.parent.trace_id, first.parent.span_id, first.parent.is_remote) == (TRACE, SPAN, True)
    assert second.parent is not None
    assert f"{second.parent.span_id:016x}" == outer.span_id


def test_a_trace_that_begins_here_has_no_parent(tracer: Tracer) -> None:
    with tracing.span("alone") as context:
        assert tracing.current() == context

    assert tracer.spans == [Recorded("alone", None)]


def test_without_an_endpoint_nothing_is_set_up() -> None:
    with capture_logs() as lines:
        assert not spans.configure(None, "dataset")

    assert lines == []


def test_an_endpoint_without_the_packages_is_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # as on a machine without the SDK

    with capture_logs() as lines:
        assert not spans.configure("http://127.0.0.1:4317", "dataset")

    assert [line["log_level"] for line in lines] == ["warning"]
