"""The services behind the gateway: a channel to each, and the chat's ports over gRPC.

Routes speak to a service through its `Peer`, whose calls raise nothing but `servicekit.errors`; what is said
when the service is away stands in fallback.py.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

import grpc
import msgspec
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import CollectorRegistry

from gateway.chat.model import CacheKey, Durability, Findings, Message, Role, Source
from gateway.settings import GatewaySettings
from mcai.dataset.v1 import (
    bank_pb2,
    conversation_pb2,
    dataset_pb2,
    dataset_pb2_grpc,
    key_pb2,
    key_pb2_grpc,
    search_pb2,
)
from mcai.knowledge.v1 import knowledge_pb2, knowledge_pb2_grpc
from mcai.monitor.v1 import monitor_pb2, monitor_pb2_grpc, replica_pb2, replica_pb2_grpc
from mcai.task.v1 import task_pb2, task_pb2_grpc
from servicekit import deadline
from servicekit.breaker import Breaker
from servicekit.channel import DEFAULT_RESET_SECONDS, open_channel
from servicekit.errors import AWAY, translating
from servicekit.held import HeldMetrics
from servicekit.metrics import shared
from servicekit.tls import read_tls

T = TypeVar("T")
RequestT = TypeVar("RequestT")
StubT = TypeVar("StubT")

# The stubs' types exist for the type checker only.
DatasetStub: TypeAlias = "dataset_pb2_grpc.DatasetServiceAsyncStub"
KeyStub: TypeAlias = "key_pb2_grpc.KeyServiceAsyncStub"
KnowledgeStub: TypeAlias = "knowledge_pb2_grpc.KnowledgeServiceAsyncStub"
TaskStub: TypeAlias = "task_pb2_grpc.TaskServiceAsyncStub"
MonitorStub: TypeAlias = "monitor_pb2_grpc.MonitorServiceAsyncStub"

_STATUS_TIMEOUT_SECONDS: Final = 0.8  # within a health probe's second


@contextmanager
def told_by(peer: str) -> Iterator[None]:
    """Maps the errors of a call to `peer`; one that says that the peer is away names it for programs."""
    try:
        with translating(peer):
            yield
    except AWAY as error:
        error.metadata.setdefault("dependency", peer)
        raise


class Peer(Generic[StubT]):
    """One service: its name, its stub, and calls that raise ServiceError only."""

    def __init__(
        self,
        name: str,
        stub: StubT,
        replica: "replica_pb2_grpc.ReplicaServiceAsyncStub",
        timeout_seconds: float,
    ) -> None:
        self.name = name
        self.timeout_seconds = timeout_seconds
        self._stub = stub
        self._replica = replica

    async def ask(self, call: Callable[[StubT], Awaitable[T]]) -> T:
        """Makes a call with one response, such as `lambda stub: stub.GetStats(request)`."""
        with told_by(self.name):
            return await call(self._stub)

    async def stream(self, call: Callable[[StubT], AsyncIterable[T]]) -> AsyncGenerator[T, None]:
        """Makes a call with a stream of responses; it lasts as long as somebody reads."""
        with told_by(self.name):
            with deadline.unlimited():
                responses = call(self._stub)
            async for response in responses:
                yield response

    @asynccontextmanager
    async def upload(
        self, call: Callable[[StubT], "grpc.aio.StreamUnaryCall[RequestT, T]"]
    ) -> AsyncIterator["Upload[RequestT, T]"]:
        """Makes a call with a stream of requests; it is cancelled unless `finish` was reached."""
        with told_by(self.name):
            with deadline.unlimited():
                running = call(self._stub)
            try:
                yield Upload(running)
            finally:
                running.cancel()

    async def status(self) -> replica_pb2.ReplicaStatus:
        """Asks one replica how it is."""
        with told_by(self.name):
            request = replica_pb2.GetReplicaStatusRequest()
            response = await self._replica.GetReplicaStatus(request, timeout=_STATUS_TIMEOUT_SECONDS)
        return response.status

    async def dump_tasks(self) -> replica_pb2.DumpTasksResponse:
        """Asks one replica what its tasks wait for."""
        with told_by(self.name):
            return await self._replica.DumpTasks(replica_pb2.DumpTasksRequest())


class Upload(Generic[RequestT, T]):
    """A stream of requests in progress; a `send` waits while the service is behind."""

    def __init__(self, call: "grpc.aio.StreamUnaryCall[RequestT, T]") -> None:
        self._call = call

    async def send(self, request: RequestT) -> None:
        """Sends one request; raises when the service has ended the call."""
        if self._call.done():
            await self._call  # raises why
        await self._call.write(request)

    async def finish(self) -> T:
        """Ends the requests and returns the response."""
        await self._call.done_writing()
        return await self._call


@dataclass(frozen=True, slots=True)
class Peers:
    """All services that the gateway composes."""

    dataset: Peer[DatasetStub]
    keys: Peer[KeyStub]
    knowledge: Peer[KnowledgeStub]
    task: Peer[TaskStub]
    monitor: Peer[MonitorStub]

    def everyone(self) -> tuple[Peer[Any], ...]:
        """Returns the peers in the order of the request's way through them."""
        return (self.knowledge, self.dataset, self.task, self.monitor)


@asynccontextmanager
async def open_peers(settings: GatewaySettings, registry: CollectorRegistry) -> AsyncIterator[Peers]:
    """Opens a channel to each service; none is connected before its first call."""
    async with AsyncExitStack() as stack:

        async def peer(
            name: str, file: Any, make: Callable[[grpc.aio.Channel], StubT], target: str, seconds: float
        ) -> Peer[StubT]:
            (service,) = (each for each in file.DESCRIPTOR.services_by_name.values())
            breaker = Breaker(name, budget_seconds=seconds, reset_seconds=DEFAULT_RESET_SECONDS)
            shared(registry, HeldMetrics).watch_breaker(breaker)
            channel = await stack.enter_async_context(_channel(settings, breaker, service, target, seconds))
            return Peer(name, make(channel), replica_pb2_grpc.ReplicaServiceStub(channel), seconds)

        yield Peers(
            dataset=await peer(
                "dataset-svc",
                dataset_pb2,
                dataset_pb2_grpc.DatasetServiceStub,
                settings.dataset_target,
                settings.dataset_timeout_seconds,
            ),
            keys=await peer(
                "dataset-svc",
                key_pb2,
                key_pb2_grpc.KeyServiceStub,
                settings.dataset_target,
                settings.dataset_timeout_seconds,
            ),
            knowledge=await peer(
                "knowledge-svc",
                knowledge_pb2,
                knowledge_pb2_grpc.KnowledgeServiceStub,
                settings.knowledge_target,
                settings.knowledge_timeout_seconds,
            ),
            task=await peer(
                "task-svc",
                task_pb2,
                task_pb2_grpc.TaskServiceStub,
                settings.task_target,
                settings.task_timeout_seconds,
            ),
            monitor=await peer(
                "monitor-svc",
                monitor_pb2,
                monitor_pb2_grpc.MonitorServiceStub,
                settings.monitor_target,
                settings.monitor_timeout_seconds,
            ),
        )


def _channel(
    settings: GatewaySettings, breaker: Breaker, service: ServiceDescriptor, target: str, seconds: float
) -> grpc.aio.Channel:
    replica = replica_pb2.DESCRIPTOR.services_by_name["ReplicaService"]
    return open_channel(
        target,
        services=(service, replica),
        token=settings.service_token,
        tls=read_tls(settings.tls_dir, settings.tls_name),
        breaker=breaker,
        timeout_seconds=seconds,
    )


class DatasetBank:
    """The Bank port over dataset-svc; it raises what is wrong, and fallback.py answers for it."""

    def __init__(self, peer: Peer[DatasetStub]) -> None:
        self._peer = peer

    async def search(self, text: str, domains: Sequence[str], *, limit: int) -> Findings:
        """Searches the bank."""
        query = search_pb2.SearchQuery(query=text, domains=domains, limit=limit)
        request = search_pb2.SearchExamplesRequest(query=query)
        response = await self._peer.ask(lambda stub: stub.SearchExamples(request))
        return Findings(tuple(_source(hit) for hit in response.hits), sequence=response.index_sequence)


_ROLES: Final = {
    Role.USER: conversation_pb2.ROLE_USER,
    Role.ASSISTANT: conversation_pb2.ROLE_ASSISTANT,
    Role.SYSTEM: conversation_pb2.ROLE_SYSTEM,
}


class DatasetMemory:
    """The Memory port over dataset-svc; it raises what is wrong, and fallback.py answers for it."""

    def __init__(self, peer: Peer[DatasetStub]) -> None:
        self._peer = peer

    async def remember(self, conversation_id: str, user_id: str, messages: Sequence[Message]) -> Durability:
        """Appends messages."""
        return await self.append(append_request(conversation_id, user_id, messages))

    async def append(self, request: conversation_pb2.AppendMessagesRequest) -> Durability:
        """Appends what a request holds."""
        response = await self._peer.ask(lambda stub: stub.AppendMessages(request))
        return durability(response.durability)

    async def record(self, request: conversation_pb2.RecordFeedbackRequest) -> Durability:
        """Keeps an opinion."""
        response = await self._peer.ask(lambda stub: stub.RecordFeedback(request))
        return durability(response.durability)


def append_request(
    conversation_id: str, user_id: str, messages: Sequence[Message]
) -> conversation_pb2.AppendMessagesRequest:
    """Returns the request that appends the messages."""
    return conversation_pb2.AppendMessagesRequest(
        conversation_id=conversation_id, user_id=user_id, messages=[_message(each) for each in messages]
    )


def durability(value: int) -> Durability:
    """Returns how safely a service says that it stored something; the numbers are the same in all."""
    return Durability.JOURNALLED if value == bank_pb2.DURABILITY_JOURNALLED else Durability.COMMITTED


def _message(message: Message) -> conversation_pb2.Message:
    result = conversation_pb2.Message(
        id=message.id,
        role=_ROLES[message.role],
        content=message.content,
        metadata_json=msgspec.json.encode(message.metadata).decode(),
    )
    result.create_time.FromNanoseconds(int(message.create_time * 1e9))
    return result


def knowledge_key(key: CacheKey) -> knowledge_pb2.CacheKey:
    """Returns the key as the contract has it."""
    return knowledge_pb2.CacheKey(
        question=key.question, scope=key.scope, domains=key.domains, options=key.options, model=key.model
    )


def _source(hit: search_pb2.SearchHit) -> Source:
    example = hit.example
    return Source(example.id, example.domain, example.prompt, example.response, hit.score, hit.confidence)
