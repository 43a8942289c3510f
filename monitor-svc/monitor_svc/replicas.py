"""The replicas of a service over gRPC: every address that its name has at this moment, asked by itself."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pydantic import SecretStr

from mcai.monitor.v1 import replica_pb2, replica_pb2_grpc
from monitor_svc.figures import SAMPLES
from monitor_svc.model import Answer, ProbeResult, ReplicaStatus, Sample
from servicekit.breaker import Breaker
from servicekit.channel import open_channel
from servicekit.errors import ServiceError, translating
from servicekit.tls import Tls

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
        tls: Tls | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tls = tls
        self._service = service
        self._target = target
        self._token = token
        self._clock = clock
        self._peers: dict[str, Peer] = {}
        self._addresses: tuple[str, ...] = ()
        self._lookup: asyncio.Future[tuple[str, ...]] | None = None
        # Of its own, and of one thread: a name server that hangs must not take the threads of the others.
        self._resolver = ThreadPoolExecutor(1, thread_name_prefix="resolver")

    @property
    def service(self) -> str:
        """Name of the service."""
        return self._service

    async def ask(self, timeout_seconds: float) -> list[Answer]:
        """Ask every replica at the same time."""
        started = self._clock()
        try:
            async with asyncio.timeout(timeout_seconds / 2):
                self._addresses = await self._resolved()
        except (OSError, TimeoutError):
            # A name server that is late says nothing about the replicas: they are asked where they were.
            if not self._addresses:
                return [Answer(self._target, None, 0.0, f"The name {self._target} cannot be resolved.")]
        await self._keep_only(self._addresses)
        left = max(0.0, timeout_seconds - (self._clock() - started))
        return list(await asyncio.gather(*(self._ask(address, left) for address in self._addresses)))

    async def close(self) -> None:
        """Close every channel."""
        self._resolver.shutdown(wait=False, cancel_futures=True)
        await self._keep_only(())

    async def _resolved(self) -> tuple[str, ...]:
        """The addresses that the name has now; a lookup that outlives its round is waited for in the next."""
        if not self._target.startswith(DNS_PREFIX):
            return (self._target,)
        if self._lookup is None:
            self._lookup = asyncio.get_running_loop().run_in_executor(self._resolver, _resolve, self._target)
        lookup = self._lookup
        await asyncio.wait((lookup,))
        self._lookup = None
        return lookup.result()

    async def _keep_only(self, addresses: tuple[str, ...]) -> None:
        for address in [each for each in self._peers if each not in addresses]:
            await self._peers.pop(address).close()

    async def _ask(self, address: str, timeout_seconds: float) -> Answer:
        peer = self._peers.get(address)
        if peer is None:
            names = SAMPLES.get(self._service, ())
            peer = self._peers[address] = Peer(address, self._token, self._tls, names)
        started = self._clock()
        try:
            async with asyncio.timeout(timeout_seconds):
                status = await peer.status(timeout_seconds)
        except (ServiceError, TimeoutError) as error:
            # The next question goes over a fresh connection: this one may lead into a black hole, which gRPC
            # itself would find out after 13 s.
            await self._peers.pop(address).close()
            return Answer(address, None, 0.0, str(error) or f"No answer within {timeout_seconds:.1f} s.")
        return Answer(address, status, (self._clock() - started) * 1000)


class Peer:
    """One address and its channel."""

    def __init__(
        self, address: str, token: SecretStr | None, tls: Tls | None, sample_names: Sequence[str]
    ) -> None:
        # Each round is itself the probe: a breaker that opened would only hide a replica's return.
        breaker = Breaker(address, budget_seconds=NEVER_OPENS, reset_seconds=1, failures_to_open=NEVER_OPENS)
        self._channel = open_channel(
            address,
            services=SERVICES,
            token=token,
            tls=tls,
            breaker=breaker,
            timeout_seconds=1.0,
            only_serving=False,
        )
        self._stub = replica_pb2_grpc.ReplicaServiceStub(self._channel)
        self._request = replica_pb2.GetReplicaStatusRequest(figures=sample_names)

    async def status(self, timeout_seconds: float) -> ReplicaStatus:
        """What the replica says of itself; raises a ServiceError when it does not answer."""
        with translating("The replica"):
            response = await self._stub.GetReplicaStatus(self._request, timeout=timeout_seconds)
        return _status(response.status)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


def _resolve(target: str) -> tuple[str, ...]:
    host, _, port = target.removeprefix(DNS_PREFIX).rpartition(":")
    found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    return tuple(sorted({_address(entry[4][0], entry[4][1]) for entry in found}))


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
        unary_total=message.unary_total,
        unary_seconds_total=message.unary_seconds_total,
        disk_total_bytes=message.disk_total_bytes,
        disk_free_bytes=message.disk_free_bytes,
        samples=tuple(
            Sample(each.name, tuple(sorted(each.labels.items())), each.value) for each in message.figures
        ),
    )
