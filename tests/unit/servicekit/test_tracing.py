import asyncio

import pytest

from servicekit import tracing
from servicekit.tracing import TraceContext, parse

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_header_gives_its_parts_and_itself_back() -> None:
    header = f"00-{TRACE}-{SPAN}-01"

    context = parse(header)

    assert context == TraceContext(TRACE, SPAN, sampled=True)
    assert context.header() == header


def test_a_later_version_may_say_more() -> None:
    assert parse(f"01-{TRACE}-{SPAN}-00-more") == TraceContext(TRACE, SPAN)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "rubbish",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_a_malformed_header_is_none(header: str | None) -> None:
    assert parse(header) is None


def test_a_span_continues_the_given_trace_then_the_current_one_then_begins_one() -> None:
    with tracing.span("outer", f"00-{TRACE}-{SPAN}-01") as outer:
        assert (outer.trace_id, outer.sampled) == (TRACE, True)
        assert outer.span_id != SPAN
        assert tracing.current() == outer
        with tracing.span("inner") as inner:
            assert inner.trace_id == TRACE
            assert inner.span_id != outer.span_id
        assert tracing.current() == outer
    assert tracing.current() is None
    with tracing.span("alone", "rubbish") as alone:
        assert alone.trace_id != TRACE
        assert not alone.sampled


async def test_tasks_inherit_the_trace() -> None:
    async def seen() -> TraceContext | None:
        return tracing.current()

    with tracing.span("work") as context:
        assert await asyncio.create_task(seen()) == context
