"""Channels to other services: `open_channel` gives one on which the generated stubs work as they are.

A call on it
- goes round robin over the replicas that answer SERVING, and finds new addresses by itself;
- has a timeout: the caller's remaining budget or the channel's own, whichever is less;
- is repeated only on UNAVAILABLE and only if the contract marks its method idempotent;
- carries the request id, the trace and the service token, and brings back what the peer did without;
- is refused at once (BreakerOpen) while the peer is known to be away.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from pydantic import SecretStr

from servicekit.breaker import Breaker
from servicekit.connection import Connections
from servicekit.service_channel import ServiceChannel
from servicekit.tls import Tls, applies_to

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
DEFAULT_RESET_SECONDS: Final = 0.5

_IDEMPOTENT: Final = frozenset(
    {descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS, descriptor_pb2.MethodOptions.IDEMPOTENT}
)

_ROUND_ROBIN: Final[Mapping[str, Any]] = {"round_robin": {}}
# Of several replicas, one that fails nearly all of its calls, such as a frozen one, is left out for some
# seconds (gRFC A50). Without this it costs a budget at every turn until the keepalive finds it dead.
# gRPC counts every status but OK as a failure: hence the high threshold, and half of them always stay.
_OUTLIERS: Final[Mapping[str, Any]] = {
    "interval": "1s",
    "baseEjectionTime": "5s",
    "maxEjectionTime": "15s",
    "maxEjectionPercent": 50,
    "failurePercentageEjection": {"threshold": 85, "minimumHosts": 2, "requestVolume": 4},
    "childPolicy": [_ROUND_ROBIN],
}

CHANNEL_OPTIONS: Final[Sequence[tuple[str, Any]]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A connection into a black hole is found dead after 13 s, also while no call is running.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A peer that comes back, perhaps elsewhere, is found within about a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.dns_min_time_between_resolutions_ms", 500),
    # Each connection has its own backoff: a fresh one must not inherit the failures of the old one.
    ("grpc.use_local_subchannel_pool", 1),
    # A peer is named by us and reached directly; a proxy of the environment has no business here.
    ("grpc.enable_http_proxy", 0),
)


def open_channel(
    target: str,
    *,
    services: Sequence[ServiceDescriptor],
    token: SecretStr | None,
    tls: Tls | None = None,
    breaker: Breaker | None = None,
    timeout_seconds: float,
    only_serving: bool = True,
) -> grpc.aio.Channel:
    """Returns a channel to the peer at `target`; it connects at the first call, in the running event loop.

    Args:
        target: "dns:///name:port" for a container, "unix:/path.sock" in embedded mode, or "host:port".
        services: Descriptors of the services that will be called, such as
            `search_pb2.DESCRIPTOR.services_by_name["SearchService"]`; retries are read from them.
        token: What this process shows its peers; None shows nothing.
        tls: What this process shows and asks for; not on Unix sockets. `read_tls` reads it.
        breaker: What remembers that the peer is away; unless given, one with `timeout_seconds` as its
            budget. The channel supervises it: it probes in the background, and no caller pays for that.
        timeout_seconds: Timeout of a unary call that names none and whose caller has no nearer deadline.
            A stream has the caller's deadline, if there is one, and else none.
        only_serving: Whether a replica that answers NOT_SERVING gets no calls. The monitor asks those too.
    """
    if breaker is None:
        breaker = Breaker(target, budget_seconds=timeout_seconds, reset_seconds=DEFAULT_RESET_SECONDS)
    options = (*CHANNEL_OPTIONS, ("grpc.service_config", service_config(services, only_serving=only_serving)))
    connections = Connections(
        target, options, breaker, tls=tls if applies_to(target) else None, only_serving=only_serving
    )
    return ServiceChannel(connections, token, timeout_seconds)


def service_config(services: Sequence[ServiceDescriptor], *, only_serving: bool = True) -> str:
    """Returns gRPC's service config for calls to these services, as JSON.

    https://github.com/grpc/grpc/blob/master/doc/service_config.md
    """
    # gRPC takes the first policy that it knows: the plain one is for a gRPC without the other.
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"outlier_detection_experimental": _OUTLIERS}, _ROUND_ROBIN]
    }
    if only_serving:
        # A replica that answers NOT_SERVING, because it starts or drains, gets no calls.
        config["healthCheckConfig"] = {"serviceName": ""}
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if _idempotent(method)
    ]
    if names:
        policy = {
            "maxAttempts": 3,
            "initialBackoff": "0.02s",
            "maxBackoff": "0.2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config["methodConfig"] = [{"name": names, "retryPolicy": policy}]
        # When half of the calls fail, repeating them only adds to the load.
        config["retryThrottling"] = {"maxTokens": 100, "tokenRatio": 0.1}
    return json.dumps(config)


def _idempotent(method: MethodDescriptor) -> bool:
    options: descriptor_pb2.MethodOptions = method.GetOptions()
    return options.idempotency_level in _IDEMPOTENT
