"""The channel that `open_channel` returns: a grpc.aio.Channel for the generated stubs."""

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import grpc
from pydantic import SecretStr

from servicekit import deadline, logs, metadata_keys, tracing
from servicekit.breaker import Attempt
from servicekit.connection import Connection, Connections
from servicekit.identifiers import new_request_id
from servicekit.outgoing import StreamResponseCall, UnaryResponseCall
from servicekit.request_stream import RequestStream, ServerStatus

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

Metadata = Any  # grpc.aio.Metadata or a sequence of pairs; gRPC's own alias for it is private


class ServiceChannel(grpc.aio.Channel):
    """Makes calls on whichever connection is in use, with the caller's context."""

    def __init__(self, connections: Connections, token: SecretStr | None, timeout_seconds: float) -> None:
        self.connections = connections
        self.timeout_seconds = timeout_seconds
        self._authorization = f"Bearer {token.get_secret_value()}" if token is not None else None

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> "UnaryUnary[Any, Any]":
        """Returns the callable of a method with one request and one response."""
        return UnaryUnary(self, "unary_unary", (method, *args), kwargs)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> "UnaryStream[Any, Any]":
        """Returns the callable of a method with a stream of responses."""
        return UnaryStream(self, "unary_stream", (method, *args), kwargs)

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> "StreamUnary[Any, Any]":
        """Returns the callable of a method with a stream of requests."""
        return StreamUnary(self, "stream_unary", (method, *args), kwargs)

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> "StreamStream[Any, Any]":
        """Returns the callable of a method with streams both ways."""
        return StreamStream(self, "stream_stream", (method, *args), kwargs)

    async def close(self, grace: float | None = None) -> None:
        """Closes the channel; running calls get `grace` seconds and are then cancelled."""
        await self.connections.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Returns gRPC's view of the connection in use."""
        return self.connections.current.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the connection in use has left the given state."""
        await self.connections.current.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when the connection in use is ready."""
        await self.connections.current.channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def outgoing_metadata(self, given: Metadata | None) -> tuple[tuple[str, str | bytes], ...]:
        """Returns the metadata of a call: what the caller gave, and our context."""
        trace = tracing.current() or tracing.new_trace()
        ours = [
            (metadata_keys.REQUEST_ID, logs.request_id() or new_request_id()),
            (metadata_keys.TRACEPARENT, trace.header()),
        ]
        if self._authorization is not None:
            ours.append((metadata_keys.AUTHORIZATION, self._authorization))
        return (*(given or ()), *ours)


class _Method(Generic[RequestT, ResponseT]):
    """One method of the contract; it keeps gRPC's callable for the connection that it was last called on."""

    def __init__(
        self, channel: ServiceChannel, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._channel = channel
        self._kind = kind
        self._args = args
        self._kwargs = kwargs
        self._bound_to: Connection | None = None
        self._callable: Any = None

    def _begin(
        self, argument: Any, timeout: float | None, metadata: Metadata | None, **options: Any
    ) -> tuple[Any, Attempt]:
        """Starts a call; raises BreakerOpen or DeadlineTooShort instead of one that cannot succeed."""
        timeout = self._timeout(timeout)
        attempt = self._channel.connections.breaker.admit()
        connection = self._channel.connections.current
        if connection is not self._bound_to:
            self._bound_to = connection
            self._callable = getattr(connection.channel, self._kind)(*self._args, **self._kwargs)
        ours = self._channel.outgoing_metadata(metadata)
        call = self._callable(argument, timeout=timeout, metadata=ours, **options)
        connection.track(call)
        return call, attempt

    def _timeout(self, asked: float | None) -> float | None:
        return deadline.timeout(self._channel.timeout_seconds if asked is None else asked)


class _StreamMethod(_Method[RequestT, ResponseT]):
    def _timeout(self, asked: float | None) -> float | None:
        """A stream lives as long as its caller wants, so only a real deadline bounds it."""
        if asked is None and deadline.remaining() is None:
            return None
        return deadline.timeout(float("inf") if asked is None else asked)


class UnaryUnary(_Method[RequestT, ResponseT], grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT]):
    """A method with one request and one response."""

    def __call__(
        self,
        request: RequestT,
        *,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryResponseCall[RequestT, ResponseT]:
        """Starts the call; `timeout` in seconds never outlasts the caller's deadline."""
        options = {"credentials": credentials, "wait_for_ready": wait_for_ready, "compression": compression}
        return UnaryResponseCall(*self._begin(request, timeout, metadata, **options))


class StreamUnary(_StreamMethod[RequestT, ResponseT], grpc.aio.StreamUnaryMultiCallable[RequestT, ResponseT]):
    """A method with a stream of requests and one response."""

    def __call__(
        self,
        request_iterator: AsyncIterator[RequestT] | Iterator[RequestT] | None = None,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> UnaryResponseCall[RequestT, ResponseT]:
        """Starts the call; without an iterator, write the requests to it."""
        options = {"credentials": credentials, "wait_for_ready": wait_for_ready, "compression": compression}
        requests = None if request_iterator is None else RequestStream(request_iterator)
        call, attempt = self._begin(requests, timeout, metadata, **options)
        return UnaryResponseCall(call, attempt, ServerStatus(call, requests))


class UnaryStream(_StreamMethod[RequestT, ResponseT], grpc.aio.UnaryStreamMultiCallable[RequestT, ResponseT]):
    """A method with one request and a stream of responses."""

    def __call__(
        self,
        request: RequestT,
        *,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StreamResponseCall[RequestT, ResponseT]:
        """Starts the call; without a timeout and a caller's deadline it may last for ever."""
        options = {"credentials": credentials, "wait_for_ready": wait_for_ready, "compression": compression}
        return StreamResponseCall(*self._begin(request, timeout, metadata, **options))


class StreamStream(
    _StreamMethod[RequestT, ResponseT], grpc.aio.StreamStreamMultiCallable[RequestT, ResponseT]
):
    """A method with streams both ways."""

    def __call__(
        self,
        request_iterator: AsyncIterator[RequestT] | Iterator[RequestT] | None = None,
        timeout: float | None = None,
        metadata: Metadata | None = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> StreamResponseCall[RequestT, ResponseT]:
        """Starts the call; without an iterator, write the requests to it."""
        options = {"credentials": credentials, "wait_for_ready": wait_for_ready, "compression": compression}
        requests = None if request_iterator is None else RequestStream(request_iterator)
        call, attempt = self._begin(requests, timeout, metadata, **options)
        return StreamResponseCall(call, attempt, ServerStatus(call, requests))
