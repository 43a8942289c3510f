"""Structured logs: one JSON object a line on stderr, with the request id, and never a secret.

`get_logger` may be called at import: it returns a lazy proxy. `configure` belongs in a main function.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from servicekit import tracing

_request_id: ContextVar[str | None] = ContextVar("mcai_request_id", default=None)
_service: ContextVar[str | None] = ContextVar("mcai_service", default=None)

_SECRET_KEY: Final = re.compile(r"password|passwd|secret|token|api_?key|authorization|cookie", re.IGNORECASE)
_URL_PASSWORD: Final = re.compile(r"(?<=://)([^:/@\s]*):[^@/\s]+@")
_MASK: Final = "***"


def configure(level: str = "INFO", fmt: str = "json", *, stream: TextIO | None = None) -> None:
    """Sets the process's logging up: `level` by name, `fmt` "json" or "console", to stderr unless told.

    Foreign libraries log through the same lines, from WARNING upwards.
    """
    out = stream if stream is not None else sys.stderr
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_context,
        redact,
    ]
    renderer: list[Processor] = (
        # The plain formatter: the rich one prints local variables, which may hold secrets.
        [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
        if fmt == "console"
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # Python's own warnings would be lines of another form.
    logging.captureWarnings(capture=True)


def get_logger(name: str) -> FilteringBoundLogger:
    """Returns the logger of a module; pass `__name__`."""
    logger: FilteringBoundLogger = structlog.get_logger(module=name)
    return logger


def request_context(
    *, request_id: str | None = None, service: str | None = None
) -> AbstractContextManager[None]:
    """Binds the request id and the service name to every log line of the block; None leaves one as it is."""
    return _RequestContext(request_id, service)


class _RequestContext:
    """A class and no generator: every request and every call enters one."""

    __slots__ = ("_id_token", "_request_id", "_service", "_service_token")

    def __init__(self, request_id: str | None, service: str | None) -> None:
        self._request_id = request_id
        self._service = service
        self._id_token: Token[str | None]
        self._service_token: Token[str | None]

    def __enter__(self) -> None:
        self._id_token = _request_id.set(self._request_id or _request_id.get())
        self._service_token = _service.set(self._service or _service.get())

    def __exit__(self, *_: object) -> None:
        _service.reset(self._service_token)
        _request_id.reset(self._id_token)


def request_id() -> str | None:
    """Returns the id of the current request, or None outside of one."""
    return _request_id.get()


def add_context(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Adds the service, the request id and the trace id of the current request to a log line."""
    trace = tracing.current()
    for key, value in (
        ("service", _service.get()),
        ("request_id", _request_id.get()),
        ("trace_id", trace.trace_id if trace else None),
    ):
        if value is not None:
            event.setdefault(key, value)
    return event


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Masks the values of keys that name a secret, and passwords inside URLs."""
    _redact(event)
    return event


def _redact(values: MutableMapping[str, Any]) -> None:
    for key, value in values.items():
        if _SECRET_KEY.search(key):
            values[key] = _MASK
        elif isinstance(value, str):
            values[key] = _URL_PASSWORD.sub(rf"\1:{_MASK}@", value)
        elif isinstance(value, dict):
            values[key] = inner = dict(value)
            _redact(inner)
