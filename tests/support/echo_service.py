"""A gRPC service with a method of each kind, whose behaviour the test supplies."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, wrappers_pb2
from google.protobuf.descriptor import ServiceDescriptor

from servicekit.server import Registration

FULL_NAME = "mcai.test.v1.EchoService"
Text = wrappers_pb2.StringValue
Context = Any

_KINDS = {
    "Unary": (False, False),
    "Repeat": (False, True),
    "Watch": (False, True),
    "Join": (True, False),
    "Talk": (True, True),
    "Change": (False, False),
}
_FACTORIES = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


async def echo(request: Text, _context: Context) -> Text:
    return Text(value=request.value)


async def repeat(request: Text, _context: Context) -> AsyncIterator[Text]:
    for _ in range(3):
        yield Text(value=request.value)


async def join(requests: AsyncIterator[Text], _context: Context) -> Text:
    return Text(value="".join([request.value async for request in requests]))


async def talk(requests: AsyncIterator[Text], _context: Context) -> AsyncIterator[Text]:
    async for request in requests:
        yield Text(value=request.value)


@dataclass
class EchoServicer:
    """The behaviour of each method; all of them give back what they get, unless a test says otherwise."""

    unary: Callable[[Text, Context], Awaitable[Text]] = echo
    repeat: Callable[[Text, Context], AsyncIterator[Text] | Awaitable[None]] = repeat
    watch: Callable[[Text, Context], AsyncIterator[Text] | Awaitable[None]] = repeat
    join: Callable[[AsyncIterator[Text], Context], Awaitable[Text]] = join
    talk: Callable[[AsyncIterator[Text], Context], AsyncIterator[Text]] = talk
    change: Callable[[Text, Context], Awaitable[Text]] = echo

    def registration(self) -> Registration:
        return Registration(self, add_to_server, FULL_NAME)


class EchoStub:
    """The client's side, made like a generated stub."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.Unary: grpc.aio.UnaryUnaryMultiCallable[Text, Text] = channel.unary_unary(*_method("Unary"))
        self.Change: grpc.aio.UnaryUnaryMultiCallable[Text, Text] = channel.unary_unary(*_method("Change"))
        self.Repeat: grpc.aio.UnaryStreamMultiCallable[Text, Text] = channel.unary_stream(*_method("Repeat"))
        self.Watch: grpc.aio.UnaryStreamMultiCallable[Text, Text] = channel.unary_stream(*_method("Watch"))
        self.Join: grpc.aio.StreamUnaryMultiCallable[Text, Text] = channel.stream_unary(*_method("Join"))
        self.Talk: grpc.aio.StreamStreamMultiCallable[Text, Text] = channel.stream_stream(*_method("Talk"))


def add_to_server(servicer: EchoServicer, server: grpc.aio.Server) -> None:
    handlers = {
        name: _FACTORIES[kind](getattr(servicer, name.lower()), Text.FromString, Text.SerializeToString)
        for name, kind in _KINDS.items()
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(FULL_NAME, handlers)])


def descriptor() -> ServiceDescriptor:
    """The contract: every method may be repeated but Change."""
    file = descriptor_pb2.FileDescriptorProto(
        name="mcai/test/v1/echo.proto", package="mcai.test.v1", syntax="proto3"
    )
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    service = file.service.add(name="EchoService")
    for name, (request_streaming, response_streaming) in _KINDS.items():
        method = service.method.add(
            name=name,
            input_type=".google.protobuf.StringValue",
            output_type=".google.protobuf.StringValue",
            client_streaming=request_streaming,
            server_streaming=response_streaming,
        )
        if name != "Change":
            method.options.idempotency_level = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    return pool.AddSerializedFile(file.SerializeToString()).services_by_name["EchoService"]


def _method(name: str) -> tuple[str, Callable[[Text], bytes], Callable[[bytes], Text]]:
    return f"/{FULL_NAME}/{name}", Text.SerializeToString, Text.FromString
