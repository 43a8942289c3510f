"""Two repairs of grpc.aio's calls with a stream of requests.

When the server ends such a call early, a write that comes too late makes gRPC put an INTERNAL of its own
in the place of the server's status (https://github.com/grpc/grpc/issues/36066). And when the iterator of
requests raises, gRPC cancels the call, so that the caller sees a CancelledError and never the reason.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from typing import Any, Final, Generic, TypeVar

import grpc

T = TypeVar("T")

_OVERWRITTEN: Final = "Internal error from Core"
# The server's status is on its way when a write fails; if it is not here by then, it never comes.
_WAIT_SECONDS: Final = 1.0


class RequestStream(Generic[T]):
    """The requests of a call; remembers the exception that their source raised."""

    def __init__(self, source: AsyncIterable[T] | Iterable[T]) -> None:
        self._source = source
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[T]:
        """Gives the requests of the source in turn."""
        try:
            if isinstance(self._source, AsyncIterable):
                async for request in self._source:
                    yield request
            else:
                for request in self._source:
                    yield request
        except Exception as error:
            self.error = error
            raise


class ServerStatus:
    """Keeps the status that the server sent, in case gRPC replaces it by one of its own."""

    def __init__(self, call: Any, requests: RequestStream[Any] | None) -> None:
        self._requests = requests
        self._sent: asyncio.Future[grpc.aio.AioRpcError] = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._note)

    async def cause(self, error: BaseException) -> BaseException:
        """Returns why a call that ended with `error` failed in truth; mostly that is `error` itself."""
        if isinstance(error, asyncio.CancelledError) and self._requests is not None:
            return self._requests.error or error
        if isinstance(error, grpc.aio.AioRpcError) and error.details() == _OVERWRITTEN:
            await asyncio.wait((self._sent,), timeout=_WAIT_SECONDS)
        elif not isinstance(error, asyncio.InvalidStateError):  # that one is for a write after the end
            return error
        sent = self._sent.result() if self._sent.done() else None
        return error if sent is None or sent.code() is grpc.StatusCode.OK else sent

    def _note(self, call: Any) -> None:
        """Is called for each status that the call gets, the replaced and the replacing one."""
        details = _result(call.details())
        if not self._sent.done() and details != _OVERWRITTEN:
            code, trailers = _result(call.code()), _result(call.trailing_metadata())
            self._sent.set_result(
                grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers or grpc.aio.Metadata(), details)
            )


def _result(coroutine: Coroutine[Any, Any, T]) -> T:
    """Returns the result of a coroutine that has nothing to wait for, as those of an ended call."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise RuntimeError("The call has not ended.")
