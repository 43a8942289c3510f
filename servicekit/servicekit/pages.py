"""Pagination after AIP-158: opaque tokens and clamped page sizes.

A token says where the next page begins. It is versioned and carries a checksum against accidental
damage, and it is no secret and no proof: whatever it holds must be checked like any other input.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from servicekit.errors import InvalidArgument

Scalar: TypeAlias = str | int | float | bool | None

MAX_TOKEN_CHARACTERS: Final = 2048
_VERSION: Final = b"\x01"
_CHECKSUM_BYTES: Final = 4


def encode_token(position: Mapping[str, Scalar]) -> str:
    """Returns the opaque token of a position, which is a flat mapping of names to JSON scalars.

    Raises:
        ValueError: The position is too long for a token or holds what JSON cannot carry.
    """
    body = json.dumps(position, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    token = base64.urlsafe_b64encode(_VERSION + _checksum(body) + body).rstrip(b"=").decode()
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise ValueError(f"A page token of {len(token)} characters is too long.")
    return token


def decode_token(token: str) -> dict[str, Scalar]:
    """Returns the position in a token of `encode_token`; the empty token is the first page, an empty dict.

    Raises:
        InvalidArgument: The token was not made by this version, was cut or was altered.
    """
    if not token:
        return {}
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise _rejected()
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _rejected() from None
    version, checksum, body = raw[:1], raw[1 : 1 + _CHECKSUM_BYTES], raw[1 + _CHECKSUM_BYTES :]
    if version != _VERSION or checksum != _checksum(body):
        raise _rejected()
    return _parsed(body, token)


def keyset_position(token: str, field: str) -> str:
    """Returns where a page of a list begins that is ordered by one text; the first page begins at "".

    Raises:
        InvalidArgument: The token is that of another list, or as in `decode_token`.
    """
    position = decode_token(token)
    value = position.get(field, "")
    if set(position) - {field} or not isinstance(value, str):
        raise InvalidArgument("page_token is not one of this list.", metadata={"field": "page_token"})
    return value


def clamp_page_size(size: int, default: int, maximum: int) -> int:
    """Returns the rows of a page: `default` for 0 (not given), `maximum` for more than that.

    Raises:
        InvalidArgument: The size is negative.
    """
    if size < 0:
        raise InvalidArgument("page_size must not be negative.", metadata={"field": "page_size"})
    return min(size or default, maximum)


def _parsed(body: bytes, token: str) -> dict[str, Scalar]:
    try:
        position = json.loads(body)
    except (ValueError, RecursionError):
        raise _rejected() from None
    if not isinstance(position, dict) or any(isinstance(value, dict | list) for value in position.values()):
        raise _rejected()
    try:
        canonical = encode_token(position) == token
    except ValueError:
        canonical = False
    if not canonical:  # one position has one token: no other spelling is let through
        raise _rejected()
    return position


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2s(body, digest_size=_CHECKSUM_BYTES).digest()


def _rejected() -> InvalidArgument:
    return InvalidArgument(
        "page_token is not one that this service gave out.", metadata={"field": "page_token"}
    )
