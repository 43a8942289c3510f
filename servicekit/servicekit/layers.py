"""The one mechanism under all server interceptors: a call is run inside a stack of layers.

A layer is a plain context manager around the call, so it works the same for the four kinds of RPC and
for both styles of streaming servicer, and a context variable that it sets is seen by the servicer: the
layers, the servicer and its generators all run in the one task that gRPC makes for a call.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import grpc

from servicekit import status_details
from servicekit.errors import ServiceError

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Metadatum: TypeAlias = tuple[str, str | bytes]

_READ_AWAY_SECONDS: Final = 0.25


@dataclass(slots=True)
class ServerCall:
    """One call on its way through the layers.

    Attributes:
        service: Full name, such as "mcai.dataset.v1.SearchService".
        method: Method name, such as "SearchExamples".
        streaming: Whether the answer is a stream.
        context: gRPC's own view of the call.
        metadata: What the caller sent, by lower-case key; of a repeated key the last value.
        started: `time.perf_counter()` at arrival.
        trailers: What is sent back after the answer; layers add to it.
    """

    service: str
    method: str
    streaming: bool
    context: Context
    metadata: dict[str, str | bytes]
    started: float = field(default_factory=time.perf_counter)
    trailers: list[Metadatum] = field(default_factory=list)

    def text(self, key: str) -> str | None:
        """Returns a metadata value that is text, or None."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def elapsed_seconds(self) -> float:
        """Returns the time since the call arrived."""
        return time.perf_counter() - self.started

    def code(self, error: BaseException | None) -> grpc.StatusCode:
        """Returns the status that the call ends with when its servicer ended with `error`."""
        if isinstance(error, ServiceError):
            return error.code
        if error is not None and not isinstance(error, grpc.aio.AbortError):
            return grpc.StatusCode.CANCELLED  # all other exceptions were mapped further in
        chosen: grpc.StatusCode | None = self.context.code()
        return chosen if chosen is not None else grpc.StatusCode.OK


class Layer(Protocol):
    """Something to do around each call."""

    def around(self, call: ServerCall) -> AbstractContextManager[object] | None:
        """Returns what wraps the call, or None for nothing; it may raise a ServiceError at once.

        What wraps the call sees its exception and may replace it by a ServiceError.
        """


class LayeredInterceptor(grpc.aio.ServerInterceptor):
    """Runs every call inside the layers, the first of them outermost."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)
        self._wrapped: dict[str, tuple[Handler, Handler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Awaitable[Handler | None]"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Returns the method's handler with the layers around it; it is wrapped once and kept."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        path = handler_call_details.method
        kept = self._wrapped.get(path)
        if kept is None or kept[0] is not handler:
            kept = self._wrapped[path] = (handler, self._wrap(path, handler))
        return kept[1]

    def _wrap(self, path: str, handler: Handler) -> Handler:
        service, _, method = path.lstrip("/").partition("/")
        streaming = handler.response_streaming
        behaviour = _behaviour(handler)

        async def run(request: Any, context: Context) -> Any:
            metadata = dict(context.invocation_metadata() or ())
            call = ServerCall(service, method, streaming, context, metadata)
            try:
                answer = await self._within(0, call, behaviour, request)
            except ServiceError as error:
                if handler.request_streaming:
                    await _read_away(request)
                return await _refuse(call, error)
            if call.trailers:
                context.set_trailing_metadata((*context.trailing_metadata(), *call.trailers))
            return answer

        make = _FACTORIES[handler.request_streaming, handler.response_streaming]
        wrapped: Handler = make(run, handler.request_deserializer, handler.response_serializer)
        return wrapped

    async def _within(
        self, depth: int, call: ServerCall, behaviour: Callable[[Any, Context], Awaitable[Any]], request: Any
    ) -> Any:
        """Runs the call inside the layers from this depth on.

        Each calls the next, which costs a third of what an ExitStack does.
        """
        while depth < len(self._layers):
            block = self._layers[depth].around(call)
            depth += 1
            if block is not None:
                with block:
                    return await self._within(depth, call, behaviour, request)
        return await behaviour(request, call.context)


async def _read_away(requests: AsyncIterator[Any]) -> None:
    """Takes what the caller is still sending, for a moment, before it is refused.

    A write that meets the refusal on its way makes the caller's gRPC replace or lose the status
    (https://github.com/grpc/grpc/issues/36066), and a mistake of the caller would look like a fault of ours.
    """
    with suppress(TimeoutError, grpc.aio.BaseError):
        async with asyncio.timeout(_READ_AWAY_SECONDS):
            async for _ in requests:
                pass


async def _refuse(call: ServerCall, error: ServiceError) -> None:
    """Ends the call with the error's status; never returns, for this ends in an exception of gRPC's."""
    details = status_details.Details(error.reason, error.metadata, error.retry_after_seconds)
    number: int = error.code.value[0]
    status = status_details.encode(number, error.message, details)
    await call.context.abort(
        error.code,
        error.message,
        (*call.context.trailing_metadata(), *call.trailers, (status_details.METADATA_KEY, status)),
    )


def _behaviour(handler: Handler) -> Callable[[Any, Context], Awaitable[Any]]:
    """Returns the servicer's method as a coroutine function, also if it is a generator of responses."""
    if not handler.response_streaming:
        unary: Any = handler.stream_unary if handler.request_streaming else handler.unary_unary
        return unary  # type: ignore[no-any-return]  # gRPC's stubs type the method as a synchronous one
    stream: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream

    async def write_all(request: Any, context: Context) -> None:
        responses = stream(request, context)
        if isinstance(responses, AsyncIterator):
            # The generator is closed here and in this task, so that its `finally` blocks run at once
            # when the caller goes away, and not when the collector finds it.
            async with aclosing(responses):  # type: ignore[type-var]  # asynchronous generators have aclose
                async for response in responses:
                    await context.write(response)
        else:
            await responses

    return write_all


_FACTORIES: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
