"""Ranges and conditions of requests for a file that never changes (RFC 9110, sections 13 and 14).

One range is served. Several in one request, which only rare clients ask for, and what is no range at all are
passed over, as the RFC allows: the answer is the whole file.
"""

import re
from typing import Final, NamedTuple

from servicekit.errors import OutOfRange

_ONE_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{1,18})?\s*-\s*(\d{1,18})?\s*", re.IGNORECASE)
_TAGS: Final = re.compile(r'(?:W/)?("[^"]*")')


class Range(NamedTuple):
    """Bytes of a file: the first one's position and how many."""

    offset: int
    length: int

    def content_range(self, size_bytes: int) -> str:
        """Returns it as the header Content-Range tells it."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size_bytes}"


def asked_for(header: str, if_range: str, etag: str, size_bytes: int) -> Range | None:
    """Returns the range that a request asks for; None for the whole file.

    Args:
        header: Its `Range`; empty if there is none.
        if_range: Its `If-Range`; a range of another version is not wanted, and we know none by its date.
        etag: The file's entity tag, a strong one, with its quotes.
        size_bytes: The file's size.

    Raises:
        OutOfRange: The file has no byte there.
    """
    found = _ONE_RANGE.fullmatch(header)
    if found is None or (if_range and if_range != etag):
        return None
    first, last = found.groups()
    if first is None and last is None:
        return None
    if first is None:
        offset, end = max(0, size_bytes - int(last)), size_bytes
    else:
        offset, end = int(first), size_bytes if last is None else min(int(last) + 1, size_bytes)
        if last is not None and int(last) < offset:
            return None
    if offset >= size_bytes:
        raise OutOfRange(f"The file has {size_bytes} bytes.")
    return Range(offset, end - offset)


def known(if_none_match: str, etag: str) -> bool:
    """Returns whether the client has this version already."""
    return if_none_match.strip() == "*" or etag in _TAGS.findall(if_none_match)
