"""Records spans and sends them to an OpenTelemetry collector by OTLP over gRPC.

Imported only where a collector is configured: OpenTelemetry takes 20 MB and a quarter of a second. Its own
instrumentations record what is asked of PostgreSQL and Redis; the statements are in the spans, the values
are not. `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS` and the SDK's other variables hold.
"""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from servicekit import tracing

_INSTRUMENTATIONS: Final = {"psycopg": "PsycopgInstrumentor", "redis": "RedisInstrumentor"}
_UNASKED: Final = ("grpc.health", "grpc.reflection")


class Asked(Sampler):
    """Begins a trace where somebody asked for something, if `sampler` does.

    What a service does by itself, such as looking for work once a second, would be most of all traces.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """See OpenTelemetry."""
        inside = trace.get_current_span(parent_context).get_span_context().is_valid
        if not inside and (kind is not SpanKind.SERVER or name.startswith(_UNASKED)):
            return SamplingResult(Decision.DROP)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """See OpenTelemetry."""
        return f"Asked({self._sampler.get_description()})"


class OtlpRecorder:
    """tracing.Recorder by OpenTelemetry.

    Args:
        exporter: Where the spans go, in batches.
        service: The resource's `service.name`.
    """

    def __init__(self, exporter: SpanExporter, service: str) -> None:
        # The one that OTEL_TRACES_SAMPLER names is known to a provider that was given none.
        sampler = Asked(TracerProvider(shutdown_on_exit=False).sampler)
        self._provider = TracerProvider(sampler, Resource.create({"service.name": service}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("servicekit")

    def instrument(self) -> None:
        """Has the libraries that this service uses record what they are asked."""
        for library, instrumentor in _INSTRUMENTATIONS.items():
            if importlib.util.find_spec(library) is not None:
                module = importlib.import_module(f"opentelemetry.instrumentation.{library}")
                getattr(module, instrumentor)().instrument(tracer_provider=self._provider)

    @contextmanager
    def record(
        self, name: str, parent: tracing.TraceContext | None, *, asked: bool
    ) -> Iterator[tracing.TraceContext]:
        """See tracing.Recorder."""
        context = None if parent is None else _context(parent)
        kind = SpanKind.SERVER if asked else SpanKind.INTERNAL
        with self._tracer.start_as_current_span(name, context, kind) as span:
            inner = span.get_span_context()
            yield tracing.TraceContext(
                f"{inner.trace_id:032x}", f"{inner.span_id:016x}", inner.trace_flags.sampled
            )

    def describe(self, name: str, attributes: Mapping[str, str | int]) -> None:
        """See tracing.Recorder."""
        span = trace.get_current_span()
        span.update_name(name)
        span.set_attributes(attributes)

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


def recorder(endpoint: str, service: str) -> OtlpRecorder:
    """Returns the recorder of a service; `endpoint` is the collector's, such as `http://collector:4317`."""
    made = OtlpRecorder(OTLPSpanExporter(endpoint, insecure=not endpoint.startswith("https:")), service)
    made.instrument()
    return made


def _context(parent: tracing.TraceContext) -> Context:
    span = trace.SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(parent.sampled)),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(span))
