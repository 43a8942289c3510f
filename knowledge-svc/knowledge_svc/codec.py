"""Entries as bytes: msgpack, compressed with zstd where that pays, and sealed with a checksum.

    byte 0      version of the format
    byte 1      0 plain, 1 zstd, 2 zstd with the dictionary of answers.zdict
    bytes 2-5   CRC-32 of the key, the first two bytes and the body, big-endian
    rest        the body: a msgpack array

Bytes that were damaged, cut, written by another version or stored under another key decode to None: a
cache that cannot be read has nothing. Never pickle: reading it runs what is in it.

The dictionary holds what answers have in common (docs/decisions/0013). A frame names the dictionary that
it was made with, so one of another version is not read as something else.
"""

import threading
import zlib
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgpack
import zstandard

from knowledge_svc.additions import EVERYTHING_ADDED
from knowledge_svc.model import MAX_VALUE_BYTES, Addition, Entry, EntryKind, Key

_VERSION: Final = 2
_PLAIN, _ZSTD, _ZSTD_DICTIONARY = 0, 1, 2
_HEADER_BYTES: Final = 6
# Below this the frame's own bytes and the work outweigh what is saved.
_COMPRESS_FROM_BYTES: Final = 128
# A level more, up to here, saves 5 % for 11 µs of work; those above save nothing.
_LEVEL: Final = 6
_DICTIONARY: Final = "answers.zdict"
# A value, its thousand sources and their names.
_MAX_BODY_BYTES: Final = MAX_VALUE_BYTES + 2 * 1024 * 1024


def encode(key: Key, entry: Entry) -> bytes:
    """Returns the sealed bytes of an entry."""
    body = packed(entry)
    flag = _PLAIN
    if len(body) >= _COMPRESS_FROM_BYTES:
        compressed = _tools().compressor.compress(body)
        if len(compressed) < len(body):
            body, flag = compressed, _ZSTD_DICTIONARY
    form = bytes((_VERSION, flag))
    return form + _seal(key, form, body) + body


def packed(entry: Entry) -> bytes:
    """Returns the entry as a msgpack array."""
    body: bytes = msgpack.packb(
        (
            entry.value,
            entry.kind.value,
            entry.example_ids,
            entry.domains,
            entry.sequence,
            entry.question,
            entry.filled_at,
            entry.fresh_until,
            entry.expires_at,
        )
    )
    return body


def decode(key: Key, data: bytes) -> Entry | None:
    """Returns the entry, or None if these are not the bytes of one under this key."""
    if len(data) <= _HEADER_BYTES or data[0] != _VERSION:
        return None
    body = data[_HEADER_BYTES:]
    if data[2:_HEADER_BYTES] != _seal(key, data[:2], body):
        return None
    try:
        if data[1] != _PLAIN:
            body = _decompress(body, data[1])
        return _entry(msgpack.unpackb(body, use_list=False, max_bin_len=MAX_VALUE_BYTES))
    except (zstandard.ZstdError, ValueError, TypeError, msgpack.UnpackException):
        return None


def encode_addition(addition: Addition) -> bytes:
    """Returns the bytes of an addition, the same for equal ones."""
    terms = None if addition.terms is None else sorted(addition.terms)
    packed: bytes = msgpack.packb((addition.domain, terms))
    return packed


def decode_addition(data: bytes) -> Addition:
    """Returns the addition; bytes that are not of one stand for any, so that none is overlooked."""
    try:
        domain, terms = msgpack.unpackb(data)
        return Addition(str(domain), None if terms is None else frozenset(map(str, terms)))
    except (ValueError, TypeError, msgpack.UnpackException):
        return EVERYTHING_ADDED


def _seal(key: Key, form: bytes, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(key + form)).to_bytes(4, "big")


def _decompress(body: bytes, flag: int) -> bytes:
    """Refuses a frame that promises more than any entry has, before it takes the memory."""
    size = zstandard.frame_content_size(body)
    if not 0 <= size <= _MAX_BODY_BYTES:
        raise ValueError(size)
    tools = _tools()
    return (tools.plain if flag == _ZSTD else tools.decompressor).decompress(body)


class _Tools(threading.local):
    """A thread's own, since they may not be shared, and to make them costs three times their use."""

    def __init__(self) -> None:
        dictionary = zstandard.ZstdCompressionDict(files("knowledge_svc").joinpath(_DICTIONARY).read_bytes())
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary)
        self.decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
        self.plain = zstandard.ZstdDecompressor()


@cache
def _tools() -> _Tools:
    return _Tools()


def _entry(fields: Any) -> Entry:
    value, kind, example_ids, domains, sequence, question, filled_at, fresh_until, expires_at = fields
    return Entry(
        value=value,
        kind=EntryKind(kind),
        example_ids=example_ids,
        domains=domains,
        sequence=sequence,
        question=question,
        filled_at=filled_at,
        fresh_until=fresh_until,
        expires_at=expires_at,
    )
