"""`Idempotency-Key` on every POST that creates, and streams that go on where they broke off, as pure ASGI.

The same key with the same request gives the same answer again, byte by byte (`idempotency-replayed: true`);
with another request 422, and while the first one runs 409 with Retry-After. A key is its principal's own, and
its answer is kept for a day. What may go better next time (5xx, 429, 408, 401, 403, 409) is not kept.

The events of a stream have ids, `STREAM:NUMBER`. Who comes back with the same request and `Last-Event-ID`
gets the events after it, without a key too: streams are kept for some minutes under their own name.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import problems, sse
from gateway.auth import PRINCIPAL
from gateway.heads import header
from gateway.replays import Recording, Replays, Verdict, fingerprint_of, name_of
from servicekit import deadline
from servicekit.errors import InvalidArgument, ServiceError
from servicekit.logs import get_logger

_log = get_logger(__name__)

KEEP_SECONDS: Final = 86_400.0
STREAM_SECONDS: Final = 300.0
MAX_BYTES: Final = 4 * 1024 * 1024
RETRY_SECONDS: Final = 1.0

_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
_EVENT_ID: Final = re.compile(r"([0-9a-f-]{8,64}):(\d{1,9})")
# Those whose outcome may be another one next time.
_NOT_KEPT: Final = frozenset({401, 403, 408, 409, 429})
_SERVER_FAULT: Final = 500
# What is made anew for each answer; the rest of the head belongs to the recording.
_OF_THE_RECORDING: Final = frozenset(
    {b"content-type", b"location", b"cache-control", b"content-disposition", b"x-accel-buffering"}
)
STREAM: Final = "mcai.stream"
"""Where a request's scope holds the name of its stream, which its events are numbered under."""


class Idempotency:
    """Answers a repeated request as the first time.

    Args:
        app: What is called inside.
        replays: Where the answers are kept.
        skips: Says of which paths the service behind takes the key itself, because a body is too large here.
        new_id: Makes names of streams.
    """

    def __init__(
        self, app: ASGIApp, replays: Replays, skips: Callable[[str], bool], new_id: Callable[[], str]
    ) -> None:
        self._app = app
        self._replays = replays
        self._skips = skips
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, replays or refuses."""
        if scope["type"] != "http" or scope["method"] != "POST" or self._skips(scope["path"]):
            await self._app(scope, receive, send)
            return
        key = header(scope, b"idempotency-key")
        last = _EVENT_ID.fullmatch(header(scope, b"last-event-id"))
        streams = sse.MEDIA_TYPE in header(scope, b"accept") or scope["path"].startswith(
            problems.OPENAI_PREFIX
        )
        if not key and not streams:
            await self._app(scope, receive, send)
            return
        try:
            await self._keyed(scope, receive, send, key, last)
        except ServiceError as error:
            await problems.response_of(error, scope["path"])(scope, receive, send)

    async def _keyed(
        self, scope: Scope, receive: Receive, send: Send, key: str, last: "re.Match[str] | None"
    ) -> None:
        if key and not _KEY.fullmatch(key):
            raise InvalidArgument(
                "Idempotency-Key must have 1 to 128 visible ASCII characters.",
                metadata={"field": "idempotency-key"},
            )
        if not key and last is None:
            scope[STREAM] = self._new_id()
            await self._recorded_stream(scope, receive, send)
            return
        body = await _body_of(receive)
        fingerprint = _fingerprint(scope, body)
        own = key or f"stream {last[1] if last else ''}"
        name = name_of(scope[PRINCIPAL].id, own)
        begun = await self._replays.begin(name, fingerprint)
        if begun.verdict is Verdict.OTHER:
            raise problems.KeyReused("This key was used before, with another request.")
        if begun.verdict is Verdict.RUNNING:
            raise problems.StillRunning(
                "The first request with this key is still running.", retry_after_seconds=RETRY_SECONDS
            )
        if begun.recording is not None:
            await _replay(begun.recording, int(last[2]) if last else 0, send)
            return
        # Where a stream's recording is gone, the same request is answered anew, from its first event.
        scope[STREAM] = last[1] if last else self._new_id()
        seconds = KEEP_SECONDS if key else STREAM_SECONDS
        await self._first(scope, _again(body, receive), send, (name, fingerprint, seconds))

    async def _first(self, scope: Scope, receive: Receive, send: Send, claim: tuple[str, str, float]) -> None:
        name, fingerprint, seconds = claim
        kept = False

        async def keep(recording: Recording) -> None:
            nonlocal kept
            await self._replays.keep(name, fingerprint, recording, seconds)
            kept = True

        try:
            await self._app(scope, receive, _Tape(send, keep))
        finally:
            if not kept:
                await self._replays.release(name)

    async def _recorded_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, and keeps a stream under its own name; what turns out to be none is not kept."""
        arrived = bytearray()

        async def listened() -> Message:
            message = await receive()
            arrived.extend(message.get("body", b""))
            return message

        async def keep(recording: Recording) -> None:
            if tape.is_stream:
                name = name_of(scope[PRINCIPAL].id, f"stream {scope[STREAM]}")
                fingerprint = _fingerprint(scope, bytes(arrived))
                await self._replays.keep(name, fingerprint, recording, STREAM_SECONDS)

        tape = _Tape(send, keep)
        await self._app(scope, listened, tape)


class _Tape:
    """Sends an answer on and remembers it, if it is small enough and comes to its end.

    It is kept before its end is sent: whoever has it may ask for it again at once, also at another gateway.
    """

    def __init__(self, send: Send, keep: Callable[[Recording], Awaitable[None]]) -> None:
        self._send = send
        self._keep = keep
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._ended = False
        self.is_stream = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [each for each in message["headers"] if each[0] in _OF_THE_RECORDING]
            self.is_stream = any(value.startswith(sse.MEDIA_TYPE.encode()) for _, value in self._headers)
        elif message["type"] == "http.response.body":
            piece = message.get("body", b"")
            self._bytes += len(piece)
            if piece and self._bytes <= MAX_BYTES and not piece.startswith(b":"):
                self._pieces.append(piece)
            self._ended = not message.get("more_body", False)
            if self._ended and (recording := self._recording()) is not None:
                await self._kept(recording)
        await self._send(message)

    async def _kept(self, recording: Recording) -> None:
        try:
            await self._keep(recording)
        except ServiceError as error:
            # The answer is there, and true; only its repetition will be made anew.
            _log.warning("answer not kept", error=str(error))

    def _recording(self) -> Recording | None:
        """Returns the answer; None for one that did not end, is too large or may be another next time."""
        if not self._ended or self._bytes > MAX_BYTES:
            return None
        if self._status >= _SERVER_FAULT or self._status in _NOT_KEPT or self._tells_an_error():
            return None
        return Recording(self._status, self._headers, self._pieces)

    def _tells_an_error(self) -> bool:
        """Says whether a stream ended with an error."""
        last = self._pieces[-1] if self.is_stream and self._pieces else b""
        return b"event: error\n" in last or b'data: {"error"' in last


async def _replay(recording: Recording, after: int, send: Send) -> None:
    headers = [*recording.headers, (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": recording.status, "headers": headers})
    for piece in _after(recording.pieces, after):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _after(pieces: list[bytes], number: int) -> Iterator[bytes]:
    """The events behind one that a client has had; what has no number of its own, such as the end, too."""
    for piece in pieces:
        head = piece.split(b"\n", 1)[0]
        at = int(head.rpartition(b":")[2]) if number and head.startswith(b"id: ") else number + 1
        if at > number:
            yield piece


async def _body_of(receive: Receive) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(deadline.remaining()):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise InvalidArgument("The connection ended before the body did.")
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise problems.BodyTooSlow("The body did not arrive in time.") from None


def _again(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the body that was read, and then what comes."""
    unread = [body]

    async def receive_again() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return receive_again


def _fingerprint(scope: Scope, body: bytes) -> str:
    return fingerprint_of(
        scope["path"].encode(),
        scope["query_string"],
        header(scope, b"accept").encode(),
        header(scope, b"content-type").encode(),
        body,
    )
