"""Ranges and conditions of requests for a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ranges import Range, asked_for, known
from servicekit.errors import OutOfRange

TAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("bytes=0-9", Range(0, 10)),
        ("bytes=90-", Range(90, 10)),
        ("bytes=-10", Range(90, 10)),
        ("bytes=-1000", Range(0, 100)),
        ("bytes=50-1000", Range(50, 50)),
        ("Bytes = 1 - 2", Range(1, 2)),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=1-2,4-5", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
    ],
)
def test_one_range_is_served_and_the_rest_passed_over(header: str, expected: Range | None) -> None:
    assert asked_for(header, "", TAG, 100) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-0", 0)])
def test_bytes_that_are_not_there_are_refused(header: str, size: int) -> None:
    with pytest.raises(OutOfRange):
        asked_for(header, "", TAG, size)


def test_a_range_of_another_version_is_not_wanted() -> None:
    assert asked_for("bytes=0-9", TAG, TAG, 100) == Range(0, 10)
    for other in ('"x"', f"W/{TAG}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert asked_for("bytes=0-9", other, TAG, 100) is None


@given(first=st.integers(0, 200), last=st.integers(0, 200), size=st.integers(1, 100))
def test_a_range_is_that_of_a_slice(first: int, last: int, size: int) -> None:
    content = bytes(range(size))
    try:
        found = asked_for(f"bytes={first}-{last}", "", TAG, size)
    except OutOfRange:
        assert first >= size
        return
    if found is None:
        assert last < first
        return
    expected = content[first : last + 1]
    assert content[found.offset : found.offset + found.length] == expected
    assert len(expected) == found.length
    assert found.content_range(size) == f"bytes {first}-{min(last, size - 1)}/{size}"


def test_what_a_client_has_is_not_sent_again() -> None:
    assert known(f'"x", W/{TAG}', TAG)
    assert known("*", TAG)
    assert not known("", TAG)
    assert not known('"abcd"', TAG)
    assert not known("abc", TAG)
