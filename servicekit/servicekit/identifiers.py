"""Identifiers: time-ordered ones for what is stored, random ones for requests."""

import hashlib
import os
import time
import uuid
from collections.abc import Callable


def new_id(
    *, clock_ns: Callable[[], int] = time.time_ns, entropy: Callable[[int], bytes] = os.urandom
) -> str:
    """Returns a UUIDv7 (RFC 9562), as 36 characters of which sorting is sorting by time.

    The 12 bits after the millisecond hold its fraction (section 6.2, method 3), so that two ids of one
    process sort correctly when they are a quarter of a microsecond apart.
    """
    milliseconds, rest_ns = divmod(clock_ns(), 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    tail = int.from_bytes(entropy(8)) & ((1 << 62) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail
    return _text(value)


def derived_id(request_id: str, content: str) -> str:
    """Returns the id that a request makes of a content: the same again whenever and wherever it is repeated.

    Of a request id that is a UUIDv7 it keeps the time, so that such ids sort as those of `new_id` do; of any
    other it makes a UUIDv8 (RFC 9562) with no order.
    """
    digest = int.from_bytes(hashlib.sha256(f"{request_id}\0{content}".encode()).digest()[:16])
    head, version = digest >> 80, 0x8
    try:
        named = uuid.UUID(request_id)
    except ValueError:
        pass
    else:
        if named.version == 7:  # noqa: PLR2004 - by RFC 9562
            head, version = named.int >> 80, 0x7
    value = head << 80 | version << 76 | (digest >> 64 & 0xFFF) << 64 | 0b10 << 62 | digest & ((1 << 62) - 1)
    return _text(value)


def _text(value: int) -> str:
    """As uuid.UUID writes it, in a fifth of the time."""
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class EntropyPool:
    """Random bytes out of a large draw: asking the kernel for eight costs as much as asking for thousands.

    For names and not for secrets, and not to be shared with a process that is forked off.
    """

    def __init__(self, draw: Callable[[int], bytes] = os.urandom, size: int = 4096) -> None:
        self._draw = draw
        self._size = size
        self._drawn, self._at = b"", 0

    def __call__(self, count: int) -> bytes:
        """Returns so many bytes, none of them twice."""
        at, self._at = self._at, self._at + count
        if self._at > len(self._drawn):
            self._drawn, at, self._at = self._draw(max(self._size, count)), 0, count
        return self._drawn[at : self._at]


def new_request_id(*, entropy: Callable[[int], bytes] = os.urandom) -> str:
    """Returns a random request id of 16 hexadecimal digits."""
    return entropy(8).hex()
