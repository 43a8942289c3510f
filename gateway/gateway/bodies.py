"""Request bodies: read within the request's time, checked once, refused with a sentence.

JSON is decoded straight into a struct. What no service could store is refused here, for all of them: invalid
UTF-8, lone surrogates and NUL characters.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from gateway import problems
from gateway.heads import ARRIVED, header
from servicekit import deadline
from servicekit.errors import InvalidArgument

T = TypeVar("T")

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
_IMPORT_TYPES: Final = frozenset(
    {NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
_ESCAPED_NUL: Final = b"\\u0000"


async def read(request: Request, kind: type[T]) -> T:
    """Returns the JSON body of a request.

    Raises:
        InvalidArgument: It is not JSON of that shape.
        UnsupportedMediaType: It says that it is something else.
        BodyTooSlow: It did not arrive within the request's time.
    """
    media_type = _media_type(request)
    if media_type != JSON and not media_type.endswith("+json"):
        raise problems.UnsupportedMediaType(f"Send a body of the type {JSON}.")
    return decode(await _arrived(request), kind)


async def read_if_any(request: Request, kind: type[T]) -> T | None:
    """Returns the JSON body of a request that may come without one, which is None; raises as `read` does."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return None
    return await read(request, kind)


def decode(body: bytes, kind: type[T]) -> T:
    """Returns a JSON text as a struct; raises InvalidArgument with a sentence."""
    try:
        body.decode()
        value = msgspec.json.decode(body, type=kind)
    except UnicodeDecodeError:
        raise InvalidArgument("The body is not valid UTF-8.") from None
    except RecursionError:
        raise InvalidArgument("The body is nested too deeply.") from None
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"The body is not as expected: {_lower(str(error))}.") from None
    except msgspec.DecodeError as error:
        raise InvalidArgument(f"The body is not valid JSON: {_lower(str(error))}.") from None
    if _ESCAPED_NUL in body and _holds_nul(msgspec.json.decode(body)):
        raise InvalidArgument("The body holds a NUL character.")
    return value


def object_text(raw: msgspec.Raw, field: str) -> str:
    """Returns a JSON object as it was written; raises InvalidArgument for anything else."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidArgument(f"{field} is not valid JSON: {_lower(str(error))}.") from None
    if not isinstance(value, dict):
        raise InvalidArgument(f"{field} must be a JSON object.", metadata={"field": field})
    return bytes(raw).decode()


def media_types_accepted(request: Request) -> frozenset[str]:
    """Returns the media types that the client names in Accept, without their parameters."""
    return _media_types(header(request.scope, b"accept"))


@lru_cache(maxsize=64)
def _media_types(accepted: str) -> frozenset[str]:
    return frozenset(each.partition(";")[0].strip().lower() for each in accepted.split(","))


async def lines(
    request: Request, max_line_bytes: int, silent_seconds: float
) -> AsyncIterator[tuple[int, bytes]]:
    """Yields the lines of a JSON Lines body as they arrive, each with its number from 1, without blank ones.

    Raises:
        BodyTooSlow: Nothing arrived for `silent_seconds`.
        BodyTooLarge: A line is too long; nothing of it is kept.
        UnsupportedMediaType: The body says that it is something else.
        ClientDisconnect: The client went away.
    """
    if _media_type(request) not in _IMPORT_TYPES:
        raise problems.UnsupportedMediaType(f"Send the rows as {NDJSON}, one JSON object a line.")
    number, rest = 0, bytearray()
    async for chunk in _pieces(request, silent_seconds):
        *whole, last = chunk.split(b"\n")
        for piece in whole:
            rest += piece
            number += 1
            _check_length(number, rest, max_line_bytes)
            if rest.strip():
                yield number, bytes(rest)
            rest.clear()
        rest += last
        _check_length(number + 1, rest, max_line_bytes)
    if rest.strip():
        yield number + 1, bytes(rest)


async def _pieces(request: Request, silent_seconds: float) -> AsyncIterator[bytes]:
    pieces = request.stream()
    while True:
        try:
            async with asyncio.timeout(silent_seconds):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise problems.BodyTooSlow(f"Nothing of the body arrived for {silent_seconds:g} s.") from None
        if piece is None:
            return
        yield piece


def _check_length(number: int, line: bytearray, max_line_bytes: int) -> None:
    if len(line) > max_line_bytes:
        raise problems.BodyTooLarge(f"Line {number} is longer than {max_line_bytes:,} bytes.")


async def _arrived(request: Request) -> bytes:
    if ARRIVED in request.scope:
        return await request.body()  # without a clock, which costs more than the reading
    try:
        async with asyncio.timeout(deadline.remaining()):
            return await request.body()
    except TimeoutError:
        raise problems.BodyTooSlow("The body did not arrive in time.") from None
    except ClientDisconnect:
        raise InvalidArgument("The connection ended before the body did.") from None


def _media_type(request: Request) -> str:
    return header(request.scope, b"content-type").partition(";")[0].strip().lower()


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(each) for key, each in value.items())
    return isinstance(value, list) and any(_holds_nul(each) for each in value)


def _lower(sentence: str) -> str:
    """The sentence as the rest of another one; an abbreviation at its beginning stays as it is."""
    begins = sentence if sentence[:2].isupper() else sentence[:1].lower() + sentence[1:]
    return begins.rstrip(".")
