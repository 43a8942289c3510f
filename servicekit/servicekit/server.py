"""The gRPC server of every service: servicers, health, reflection, interceptors, metrics and the drain.

It starts as NOT_SERVING and turns SERVING when its critical probes succeed. On `stop` it turns
NOT_SERVING first, ends the endless calls, lets the running ones end for `drain_seconds`, then closes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry

from mcai.monitor.v1 import replica_pb2, replica_pb2_grpc
from servicekit import interceptors
from servicekit.addresses import UNIX_PREFIX, clear_stale_socket, require_free, socket_path, split_host_port
from servicekit.background import ended
from servicekit.errors import ConfigurationError
from servicekit.health import Health, Probe
from servicekit.layers import Layer, LayeredInterceptor
from servicekit.logs import get_logger
from servicekit.metrics import MetricsServer, start_metrics_server
from servicekit.process import run_service, serve
from servicekit.replica import ReplicaServicer
from servicekit.settings import ServiceSettings
from servicekit.tls import Tls, read_tls
from servicekit.usage import UsageMeter

__all__ = ["GrpcServer", "Registration", "run_service", "serve"]

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024

_log = get_logger(__name__)

_REPLICA_SERVICE: Final = replica_pb2.DESCRIPTOR.services_by_name["ReplicaService"].full_name
_HEALTH_SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


@dataclass(frozen=True, slots=True)
class Registration:
    """A servicer and how it is added to a server.

    Attributes:
        servicer: The object with a method per RPC.
        add_to_server: The generated `add_XServicer_to_server`.
        full_name: Full name of the service, such as "mcai.dataset.v1.SearchService".
    """

    servicer: Any
    add_to_server: Callable[[Any, grpc.aio.Server], None]
    full_name: str


class GrpcServer:
    """One gRPC server; an async context manager that starts it and stops it.

    Args:
        settings: Where to listen, how long to drain, the service token.
        name: Name of the service, such as "dataset-svc".
        registrations: What it serves, beside health, reflection and the replica's status.
        probes: What its health depends on.
        registry: Where its metrics are.
        on_drain: Called in order after NOT_SERVING is told and before the calls are drained.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        name: str,
        registrations: Sequence[Registration],
        probes: Sequence[Probe],
        registry: CollectorRegistry,
        on_drain: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._settings = settings
        self._name = name
        self._registrations = tuple(registrations)
        self._registry = registry
        self._on_drain = tuple(on_drain)
        self.health = Health(probes, self._publish)
        self._health_servicer = health_aio.HealthServicer()
        self._totals = interceptors.CallTotals()
        self._drain = interceptors.Drain()
        self._server: grpc.aio.Server | None = None
        self._metrics_server: MetricsServer | None = None
        self._watching: asyncio.Task[None] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """Where the server really listens, usable as a channel's target: `unix:/path` or host:port."""
        return self._address

    @property
    def metrics_address(self) -> str | None:
        """Where Prometheus reads, host:port as it really is; None without a metrics port."""
        return self._metrics_server.address if self._metrics_server else None

    async def start(self) -> None:
        """Binds, serves and runs the first round of probes.

        Raises:
            ConfigurationError: The address is malformed, in use or not permitted, or there is
                no certificate to show.
        """
        self._server = grpc.aio.server(
            interceptors=[LayeredInterceptor(self._layers())], options=self._options()
        )
        self._add_services(self._server)
        self._address = _bind(
            self._server, self._settings.listen, read_tls(self._settings.tls_dir, self._settings.tls_name)
        )
        try:
            if self._settings.metrics_listen is not None:
                self._metrics_server = start_metrics_server(self._settings.metrics_listen, self._registry)
            await self._publish(serving=False)
            await self._server.start()
            await self.health.check()
        except BaseException:
            await self.stop()
            raise
        self._watching = asyncio.create_task(self.health.watch(self._settings.probe_interval_seconds))
        _log.info("listening", service=self._name, address=self._address, metrics=self.metrics_address)

    async def stop(self) -> None:
        """Drains and stops; harmless when the server has not been started or was stopped already."""
        server, self._server = self._server, None
        if server is None:
            return
        await self.health.drain()
        if self._watching is not None:
            await ended(self._watching)
        for hook in self._on_drain:
            await hook()
        self._drain.begin()
        await server.stop(self._settings.drain_seconds)
        if self._metrics_server is not None:
            await self._metrics_server.close()
        path = socket_path(self._address)
        if path is not None:
            path.unlink(missing_ok=True)
        _log.info("stopped", service=self._name)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _layers(self) -> list[Layer]:
        """The layers from the outermost to the innermost; errors are mapped inside what reports them."""
        return [
            interceptors.RequestId(self._name),
            interceptors.Tracing(),
            interceptors.AccessLog(),
            interceptors.Metrics(self._registry, self._totals),
            interceptors.ErrorMapping(),
            self._drain,
            interceptors.ServiceToken(self._settings.service_token),
            interceptors.Deadline(),
            interceptors.Degraded(),
        ]

    def _options(self) -> list[tuple[str, Any]]:
        age_ms = int(self._settings.max_connection_age_seconds * 1000)
        return [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # Without this, Linux lets a second process share a port that is in use.
            ("grpc.so_reuseport", 0),
            # Clients look for new replicas when a connection ends, so none lasts long. gRPC itself
            # spreads the age by a tenth; what runs on an old connection may end in peace.
            ("grpc.max_connection_age_ms", age_ms),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            # Our clients ping every 10 s, also when they have nothing to say.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
            ("grpc.http2.max_ping_strikes", 0),
        ]

    def _add_services(self, server: grpc.aio.Server) -> None:
        for registration in self._registrations:
            registration.add_to_server(registration.servicer, server)
        usage = UsageMeter(self._settings.data_dir)
        replica = ReplicaServicer(self._name, self.health, self._totals, self._registry, usage)
        replica_pb2_grpc.add_ReplicaServiceServicer_to_server(replica, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health_servicer, server)
        names = (*self._service_names(), _HEALTH_SERVICE, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)

    def _service_names(self) -> tuple[str, ...]:
        return (*(each.full_name for each in self._registrations), _REPLICA_SERVICE)

    async def _publish(self, serving: bool) -> None:
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if serving else response.NOT_SERVING
        for name in ("", *self._service_names()):
            await self._health_servicer.set(name, status)


def _bind(server: grpc.aio.Server, listen: str, tls: Tls | None) -> str:
    """Binds the server and returns the address that it really has."""
    path = socket_path(listen)
    if path is not None:
        return _bind_socket(server, listen)
    host, port = split_host_port(listen)
    require_free(host, port)
    try:
        if tls is None:
            port = server.add_insecure_port(listen)
        else:
            port = server.add_secure_port(listen, tls.server_credentials())
    except RuntimeError as error:
        raise ConfigurationError(f"{listen} cannot be used; choose another MCAI_LISTEN.") from error
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}"


def _bind_socket(server: grpc.aio.Server, listen: str) -> str:
    path = socket_path(listen)
    assert path is not None  # noqa: S101 - the caller looked
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        clear_stale_socket(path)
        server.add_insecure_port(f"{UNIX_PREFIX}{path}")
        path.chmod(0o600)
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"The socket {path} cannot be made ({error}); is the directory writable?"
        ) from error
    return f"{UNIX_PREFIX}{path}"
