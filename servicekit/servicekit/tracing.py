"""W3C trace context: parse, make and hand on `traceparent`; real spans only when OpenTelemetry is set up.

https://www.w3.org/TR/trace-context/ version 00.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

_HEADER: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 0x01

Entropy = Callable[[int], bytes]


class TraceContext(NamedTuple):
    """Where in which trace the current work stands; a tuple, since every request makes some.

    Attributes:
        trace_id: 32 hexadecimal digits, the same through the whole trace.
        span_id: 16 hexadecimal digits, of the work at hand.
        sampled: Whether somebody records the trace.
    """

    trace_id: str
    span_id: str
    sampled: bool = False

    def header(self) -> str:
        """Returns the value of the `traceparent` header."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def child(self, entropy: Entropy = os.urandom) -> "TraceContext":
        """Returns the context of a piece of work inside this one."""
        return TraceContext(self.trace_id, entropy(8).hex(), self.sampled)


ContextT = TypeVar("ContextT", bound=TraceContext | None)

_current: ContextVar[TraceContext | None] = ContextVar("mcai_trace", default=None)


def parse(header: str | None) -> TraceContext | None:
    """Returns what a `traceparent` header says, or None if it is absent or malformed."""
    match = _HEADER.fullmatch(header or "")
    if match is None or ((header or "").startswith("00-") and match[4]):
        return None
    trace_id, span_id, flags = match[1], match[2], int(match[3], 16)
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(flags & _SAMPLED))


def new_trace(entropy: Entropy = os.urandom) -> TraceContext:
    """Returns the context of a trace that begins here; nobody records it."""
    drawn = entropy(24).hex()
    return TraceContext(drawn[:32], drawn[32:])


def current() -> TraceContext | None:
    """Returns the context of the current request, or None outside of one."""
    return _current.get()


class _Use(Generic[ContextT]):
    """A class and no generator: every request and every call enters one."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: ContextT) -> None:
        self._context = context
        self._token: Token[TraceContext | None]

    def __enter__(self) -> ContextT:
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def use(context: ContextT) -> AbstractContextManager[ContextT]:
    """Makes `context` the current one inside the block."""
    return _Use(context)


class Recorder(Protocol):
    """Records spans; `servicekit.otlp` has the one there is."""

    def record(
        self, name: str, parent: TraceContext | None, *, asked: bool
    ) -> AbstractContextManager[TraceContext]:
        """Records the block below `parent`; `asked` says that somebody outside waits for it."""
        ...

    def describe(self, name: str, attributes: Mapping[str, str | int]) -> None:
        """Gives the current span its final name, and attributes."""
        ...


_recorder: Recorder | None = None


def span(
    name: str, traceparent: str | None = None, entropy: Entropy = os.urandom
) -> AbstractContextManager[TraceContext]:
    """Runs the block as a piece of work called `name`.

    It continues the trace of `traceparent` if that is given and well formed, else the current one, else
    it begins one. A span is recorded only after `spans.configure` found an OpenTelemetry exporter.
    """
    current = _current.get()
    parent = (parse(traceparent) if traceparent else None) or current
    if _recorder is not None:
        return _recorded(_recorder.record(name, parent, asked=current is None))
    return _Use(parent.child(entropy) if parent else new_trace(entropy))


def step(name: str) -> AbstractContextManager[object]:
    """Runs the block as a part of the work at hand that only a recorded trace shows: free where none is."""
    if _recorder is None or _current.get() is None:
        return _NOTHING
    return span(name)


def describe(name: str, **attributes: str | int) -> None:
    """Gives the current span, if it is recorded, its final name, and attributes."""
    if _recorder is not None:
        _recorder.describe(name, attributes)


def record_with(recorder: Recorder | None) -> None:
    """Installs what records spans."""
    global _recorder  # noqa: PLW0603 - OpenTelemetry's exporter is one per process, and so is this
    _recorder = recorder


_NOTHING: Final = nullcontext()


@contextmanager
def _recorded(recording: AbstractContextManager[TraceContext]) -> Iterator[TraceContext]:
    with recording as context, use(context):
        yield context
