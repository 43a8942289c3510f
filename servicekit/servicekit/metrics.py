"""Metrics that every server exports, and the port that Prometheus reads them from."""

import asyncio
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    start_http_server,
)

from servicekit.addresses import split_host_port
from servicekit.errors import ConfigurationError

T = TypeVar("T")

# From a memory hit to a slow import, in seconds.
_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_shared: WeakKeyDictionary[CollectorRegistry, dict[Any, Any]] = WeakKeyDictionary()


def shared(registry: CollectorRegistry, kind: Callable[[CollectorRegistry], T]) -> T:
    """Returns the one `kind(registry)` of a registry, made at the first call.

    A registry refuses a second metric of the same name, and in embedded mode several services share one.
    """
    made = _shared.setdefault(registry, {})
    if kind not in made:
        made[kind] = kind(registry)
    found: T = made[kind]
    return found


class ServerMetrics:
    """What a gRPC server counts; labels are bounded by the contracts. Get it by `shared(registry, ...)`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.handled = Counter(
            "mcai_grpc_server_handled_total",
            "Calls that ended, by the status that they ended with.",
            ("service", "method", "code"),
            registry=registry,
        )
        self.seconds = Histogram(
            "mcai_grpc_server_handling_seconds",
            "Time from a call's arrival to its end, in seconds.",
            ("service", "method"),
            registry=registry,
            buckets=_BUCKETS,
        )


class BuildInfo:
    """Which versions run in this process. Get it by `shared(registry, ...)`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._info = Gauge(
            "mcai_build_info",
            "Always 1; the labels say which version of which service runs on which Python.",
            ("service", "version", "python"),
            registry=registry,
        )

    def tell(self, service: str, version: str) -> None:
        """Notes that a service of this version runs here."""
        self._info.labels(service, version, platform.python_version()).set(1)


@dataclass(frozen=True, slots=True)
class MetricsServer:
    """A running metrics port; `address` is host:port with the real port."""

    address: str
    _shut_down: Callable[[], None]

    async def close(self) -> None:
        """Closes the port; it waits for the thread, up to half a second, without blocking the loop."""
        await asyncio.to_thread(self._shut_down)


def _of_process(registry: CollectorRegistry) -> ProcessCollector:
    return ProcessCollector(registry=registry)


def start_metrics_server(listen: str, registry: CollectorRegistry) -> MetricsServer:
    """Serves the registry in Prometheus' text format on `listen` ("host:port", port 0 for any), in a thread.

    The memory, processor time and open files of this process are told with it.

    Raises:
        ConfigurationError: The address is malformed or in use.
    """
    host, port = split_host_port(listen)
    shared(registry, _of_process)
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigurationError(
            f"The metrics address {listen} cannot be used ({error.strerror}); "
            "choose another one in MCAI_METRICS_LISTEN."
        ) from error

    def shut_down() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return MetricsServer(f"{host}:{server.server_port}", shut_down)
