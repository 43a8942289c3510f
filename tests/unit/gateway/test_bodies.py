"""Reading request bodies: what is refused, and lines however they are cut."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from gateway import bodies, problems
from servicekit import deadline
from servicekit.errors import InvalidArgument

PATIENT = 60.0


class Body(msgspec.Struct):
    text: str = ""
    extra: msgspec.Raw = msgspec.Raw(b"{}")


def request(chunks: list[bytes], content_type: str) -> Request:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def receive() -> Any:
        return next(waiting)

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


async def gathered(lines: AsyncIterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return [line async for line in lines]


@given(
    st.lists(st.binary(max_size=20).map(lambda each: each.replace(b"\n", b"_")), max_size=10),
    st.lists(st.integers(0, 10_000), max_size=6),
)
async def test_lines_are_the_same_however_the_body_is_cut(lines: list[bytes], places: list[int]) -> None:
    body = b"\n".join(lines)
    expected = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]

    assert await gathered(bodies.lines(request(cut(body, places), bodies.NDJSON), 100, PATIENT)) == expected


async def test_a_line_that_is_too_long_is_refused_before_it_is_whole() -> None:
    with pytest.raises(problems.BodyTooLarge, match="Line 2"):
        await gathered(bodies.lines(request([b"ok\n", b"x" * 60, b"x" * 60], bodies.NDJSON), 100, PATIENT))


async def test_a_long_line_that_came_in_one_piece_is_refused_too() -> None:
    with pytest.raises(problems.BodyTooLarge):
        await gathered(bodies.lines(request([b"x" * 200 + b"\n"], bodies.NDJSON), 100, PATIENT))


@given(st.binary(max_size=200))
def test_no_bytes_bring_it_down(body: bytes) -> None:
    try:
        told = bodies.decode(body, Body).text
    except InvalidArgument as error:
        told = error.message
    assert isinstance(told, str)


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")))
def test_every_text_that_can_be_stored_gets_through(text: str) -> None:
    assert bodies.decode(msgspec.json.encode({"text": text}), Body).text == text


@pytest.mark.parametrize(
    "body", [b'{"text": "\\u0000"}', b'{"extra": {"a": ["\\u0000"]}}', b'{"\\u0000": 1}']
)
def test_nul_is_refused_wherever_it_hides(body: bytes) -> None:
    with pytest.raises(InvalidArgument, match="NUL"):
        bodies.decode(body, Body)


def test_an_escaped_backslash_is_no_nul() -> None:
    assert bodies.decode(rb'{"text": "\\u0000"}', Body).text == r"\u0000"


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null", b"{", b'{"a": "\\ud800"}', b"[" * 100_000])
def test_only_an_object_is_an_object(raw: bytes) -> None:
    with pytest.raises(InvalidArgument, match=r"^metadata .*\.$"):
        bodies.object_text(msgspec.Raw(raw), "metadata")


async def test_a_body_that_does_not_come_is_not_waited_for_longer_than_the_request_has() -> None:
    async def receive() -> Any:
        return await _never()

    headers = [(b"content-type", b"application/json")]
    slow = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    with deadline.limit(0.01), pytest.raises(problems.BodyTooSlow):
        await bodies.read(slow, Body)


async def _never() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{bad", "not valid JSON: JSON is malformed"),
        (b'{"text": 3}', "not as expected: expected `str`, got `int`"),
    ],
)
def test_a_refusal_reads_as_one_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        bodies.decode(body, Body)
