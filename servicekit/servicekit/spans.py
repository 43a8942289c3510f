"""Spans for OpenTelemetry, if a collector is configured and its packages are installed; else nothing.

Nothing of OpenTelemetry is imported until then: it costs 20 MB and a quarter of a second.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from servicekit import tracing
from servicekit.logs import get_logger

_log = get_logger(__name__)


def configure(endpoint: str | None, service: str) -> bool:
    """Sends spans of `service` to the OTLP collector at `endpoint` (gRPC); returns whether it will."""
    if endpoint is None:
        return False
    try:
        api = importlib.import_module("opentelemetry.trace")
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        resources = importlib.import_module("opentelemetry.sdk.resources")
        otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    except ImportError as error:
        _log.warning("no spans: OpenTelemetry is not installed", missing=error.name)
        return False
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": service}))
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint, insecure=True)))
    tracing.record_with(recorder(api, provider.get_tracer("servicekit")))
    return True


def recorder(api: Any, tracer: Any) -> tracing.Recorder:
    """Returns the function by which `tracing.span` records; `api` is the module opentelemetry.trace."""

    @contextmanager
    def record(name: str, parent: tracing.TraceContext | None) -> Iterator[tracing.TraceContext]:
        context = None
        if parent is not None:
            remote = api.SpanContext(
                trace_id=int(parent.trace_id, 16),
                span_id=int(parent.span_id, 16),
                is_remote=True,
                trace_flags=api.TraceFlags(int(parent.sampled)),
            )
            context = api.set_span_in_context(api.NonRecordingSpan(remote))
        with tracer.start_as_current_span(name, context=context) as span:
            inner = span.get_span_context()
            yield tracing.TraceContext(
                f"{inner.trace_id:032x}", f"{inner.span_id:016x}", bool(inner.trace_flags & 1)
            )

    return record
