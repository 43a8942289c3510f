"""The replicas of a service over gRPC: every address that its name has at this moment, asked by itself."""

import asyncio
import socket
import time
from collections.abc import Callable

from pydantic import SecretStr

from mcai.monitor.v1 import replica_pb2, replica_pb2_grpc
from monitor_svc.model import Answer, ProbeResult, ReplicaStatus
from servicekit.breaker import Breaker
from servicekit.channel import open_channel
from servicekit.errors import ServiceError, translating

DNS_PREFIX = "dns:///"
SERVICES = [replica_pb2.DESCRIPTOR.services_by_name["ReplicaService"]]
NEVER_OPENS = 2**31


class GrpcReplicas:
    """`ports.Replicas` by DNS (`dns:///name:port`) or at one address (`unix:` or `host:port`)."""

    def __init__(
        self,
        service: str,
        target: str,
        token: SecretStr | None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._service = service
        self._target = target
        self._token = token
        self._clock = clock
        self._peers: dict[str, Peer] = {}

    @property
    def service(self) -> str:
        """Name of the service."""
        return self._service

    async def ask(self, timeout_seconds: float) -> list[Answer]:
        """Ask every replica at the same time."""
        started = self._clock()
        try:
            async with asyncio.timeout(timeout_seconds):
                addresses = await self._addresses()
        except (OSError, TimeoutError):
            return [Answer(self._target, None, 0.0, f"The name {self._target} cannot be resolved.")]
        await self._keep_only(addresses)
        left = max(0.0, timeout_seconds - (self._clock() - started))
        return list(await asyncio.gather(*(self._ask(address, left) for address in addresses)))

    async def close(self) -> None:
        """Close every channel."""
        await self._keep_only(())

    async def _addresses(self) -> tuple[str, ...]:
        if not self._target.startswith(DNS_PREFIX):
            return (self._target,)
        host, _, port = self._target.removeprefix(DNS_PREFIX).rpartition(":")
        found = await asyncio.get_running_loop().getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        return tuple(sorted({_address(entry[4][0], entry[4][1]) for entry in found}))

    async def _keep_only(self, addresses: tuple[str, ...]) -> None:
        for address in [each for each in self._peers if each not in addresses]:
            await self._peers.pop(address).close()

    async def _ask(self, address: str, timeout_seconds: float) -> Answer:
        peer = self._peers.get(address)
        if peer is None:
            peer = self._peers[address] = Peer(address, self._token)
        started = self._clock()
        try:
            async with asyncio.timeout(timeout_seconds):
                status = await peer.status(timeout_seconds)
        except (ServiceError, TimeoutError) as error:
            return Answer(address, None, 0.0, str(error) or f"No answer within {timeout_seconds:.1f} s.")
        return Answer(address, status, (self._clock() - started) * 1000)


class Peer:
    """One address and its channel."""

    def __init__(self, address: str, token: SecretStr | None) -> None:
        # Each round is itself the probe: a breaker that opened would only hide a replica's return.
        breaker = Breaker(address, budget_seconds=NEVER_OPENS, reset_seconds=1, failures_to_open=NEVER_OPENS)
        self._channel = open_channel(
            address,
            services=SERVICES,
            token=token,
            breaker=breaker,
            timeout_seconds=1.0,
            only_serving=False,
        )
        self._stub = replica_pb2_grpc.ReplicaServiceStub(self._channel)

    async def status(self, timeout_seconds: float) -> ReplicaStatus:
        """What the replica says of itself; raises a ServiceError when it does not answer."""
        with translating("The replica"):
            response = await self._stub.GetReplicaStatus(
                replica_pb2.GetReplicaStatusRequest(), timeout=timeout_seconds
            )
        return _status(response.status)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


def _address(host: object, port: object) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _status(message: replica_pb2.ReplicaStatus) -> ReplicaStatus:
    return ReplicaStatus(
        service=message.service,
        hostname=message.hostname,
        pid=message.pid,
        version=message.version,
        start_time=message.start_time.ToNanoseconds() / 1e9,
        resident_bytes=message.resident_bytes,
        cpu_percent=message.cpu_percent,
        requests_total=message.requests_total,
        requests_failed=message.requests_failed,
        mean_latency_ms=message.mean_latency_ms,
        probes=tuple(
            ProbeResult(
                probe.name,
                probe.healthy,
                probe.critical,
                probe.message,
                probe.check_time.ToNanoseconds() / 1e9,
                probe.latency_ms,
            )
            for probe in message.probes
        ),
        degraded=tuple(message.degraded),
        serving=message.serving,
    )
