"""Spans for OpenTelemetry, if a collector is configured and its packages are installed; else nothing."""

import importlib

from servicekit import tracing
from servicekit.logs import get_logger

_log = get_logger(__name__)


def configure(endpoint: str | None, service: str) -> bool:
    """Sends spans of `service` to the OTLP collector at `endpoint` (gRPC); returns whether it will.

    Call it before anything connects, and in the process that works: what it starts does not survive a fork.
    """
    if endpoint is None:
        return False
    try:
        otlp = importlib.import_module("servicekit.otlp")
    except ImportError as error:
        _log.warning("no spans: OpenTelemetry is not installed", missing=error.name)
        return False
    tracing.record_with(otlp.recorder(endpoint, service))
    return True
