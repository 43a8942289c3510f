"""The calls of a ServiceChannel: gRPC's own, with our bookkeeping when they end.

These are wrappers and not grpc.aio interceptors on purpose: an interceptor runs each call in one more
task, hides the call behind a future, and sees the context variables of that task and not the caller's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Generator, Iterable
from typing import Any, Final, TypeVar

import grpc

from servicekit import degrade, metadata_keys, status_details
from servicekit.breaker import Attempt
from servicekit.request_stream import ServerStatus

T = TypeVar("T")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

_ABSENT: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


class OutgoingCall(grpc.aio.Call):
    """What the four kinds of call have in common: gRPC's call object, and an attempt that is told the end."""

    def __init__(self, call: Any, attempt: Attempt, status: ServerStatus | None = None) -> None:
        self._call = call
        self._attempt = attempt
        self._status = status
        self._told = False

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        return bool(self._call.cancelled())

    def done(self) -> bool:
        """Whether the call has ended."""
        return bool(self._call.done())

    def cancel(self) -> bool:
        """Cancels the call; False if it had ended already."""
        return bool(self._call.cancel())

    def time_remaining(self) -> float | None:
        """Seconds until the call's deadline; None without one."""
        remaining: float | None = self._call.time_remaining()
        return remaining

    def add_done_callback(self, callback: Any) -> None:
        """Has `callback` called with gRPC's call when the call has ended."""
        self._call.add_done_callback(callback)

    async def initial_metadata(self) -> grpc.aio.Metadata:
        """What the server sent before its first answer."""
        metadata: grpc.aio.Metadata = await self._call.initial_metadata()
        return metadata

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        """What the server sent after its last answer."""
        metadata: grpc.aio.Metadata = await self._call.trailing_metadata()
        return metadata

    async def code(self) -> grpc.StatusCode:
        """The status that the call ended with."""
        code: grpc.StatusCode = await self._call.code()
        return code

    async def details(self) -> str:
        """The message that the call ended with."""
        details: str = await self._call.details()
        return details

    async def wait_for_connection(self) -> None:
        """Returns when the call is on its way."""
        await self._call.wait_for_connection()

    async def write(self, request: Any) -> None:
        """Sends one request of a stream."""
        await self._awaited(self._call.write(request))

    async def done_writing(self) -> None:
        """Ends the stream of requests."""
        await self._call.done_writing()

    async def _awaited(self, step: Awaitable[T]) -> T:
        """Returns the result of a part of the call, or raises why the call failed."""
        try:
            return await step
        except BaseException as error:  # noqa: BLE001 - it is raised again, or what it stands for is
            raise await self._failed(error) from None

    async def _succeeded(self) -> None:
        if not self._told:
            self._told = True
            self._attempt.succeeded()
            _note_degraded(await self._call.trailing_metadata())

    async def _failed(self, error: BaseException) -> BaseException:
        """Tells the attempt and the request how the call failed, and returns why it did."""
        if self._status is not None:
            error = await self._status.cause(error)
        if not self._told:
            self._told = True
            if isinstance(error, grpc.aio.AioRpcError):
                _note_degraded(error.trailing_metadata())
                self._judge(error)
            else:
                self._cancelled(error)
        return error

    def _judge(self, error: grpc.aio.AioRpcError) -> None:
        """Tells the attempt whether the peer is away, or has said itself that it cannot."""
        if error.code() not in _ABSENT or status_details.decode(error.trailing_metadata()) is not None:
            self._attempt.succeeded()
        else:
            self._attempt.failed(error)

    def _cancelled(self, error: BaseException) -> None:
        """Tells the attempt that we ended the call ourselves."""
        ours = isinstance(error, asyncio.CancelledError)
        self._attempt.ended(error) if ours else self._attempt.abandoned()


class UnaryResponseCall(
    OutgoingCall, grpc.aio.UnaryUnaryCall[RequestT, ResponseT], grpc.aio.StreamUnaryCall[RequestT, ResponseT]
):
    """A call with one response; awaiting it gives the response."""

    def __await__(self) -> Generator[Any, None, ResponseT]:
        """Gives the response or raises AioRpcError."""
        return self._response().__await__()

    async def _response(self) -> ResponseT:
        response: ResponseT = await self._awaited(self._call)
        await self._succeeded()
        return response


class StreamResponseCall(
    OutgoingCall,
    grpc.aio.UnaryStreamCall[RequestT, ResponseT],
    grpc.aio.StreamStreamCall[RequestT, ResponseT],
):
    """A call with a stream of responses, to be iterated or to be read one by one."""

    _answered = False
    _iterator: AsyncIterator[ResponseT] | None = None

    def __aiter__(self) -> AsyncIterator[ResponseT]:
        """Gives the responses in turn; one iteration a call. Closing the iterator cancels the call."""
        if self._iterator is None:
            self._iterator = self._responses()
        return self._iterator

    async def read(self) -> Any:
        """Returns the next response, or `grpc.aio.EOF` after the last."""
        response = await self._awaited(self._call.read())
        if response is grpc.aio.EOF:
            await self._succeeded()
        else:
            self._mark_answered()
        return response

    async def _responses(self) -> AsyncIterator[ResponseT]:
        try:
            async for response in self._call:
                self._mark_answered()
                yield response
        except GeneratorExit:
            self._call.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised again, or what it stands for is
            raise await self._failed(error) from None
        await self._succeeded()

    def _mark_answered(self) -> None:
        if not self._answered:
            self._answered = True
            self._attempt.breaker.answered()

    def _judge(self, error: grpc.aio.AioRpcError) -> None:
        """A stream may be quiet for long, and one that breaks had a living peer; the next call will tell."""
        if self._answered or error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._attempt.abandoned()
        else:
            super()._judge(error)

    def _cancelled(self, error: BaseException) -> None:
        """Streams are ended by their readers all the time, also after hours without a word."""
        del error
        self._attempt.abandoned()


def _note_degraded(metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
    for key, value in metadata or ():
        if key == metadata_keys.DEGRADED and isinstance(value, str):
            degrade.note(value.split(","))
