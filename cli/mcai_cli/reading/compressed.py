"""gzip and Zstandard as bounded streams: a cut or damaged file is noticed, and a bomb is refused."""

import gzip
import io
import zlib
from collections.abc import Callable
from typing import IO

import zstandard

from mcai_cli.reading.model import BrokenFileError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BOMB_BYTES = 64 * 2**20
BOMB_RATIO = 300
"""What expands beyond BOMB_BYTES may be at most this many times its size; text comes to 3 to 20."""
ZSTD_STEP_BYTES = 1024
"""Read at a time, since one byte of zstd can expand to 32 kB."""
ZSTD_MAX_WINDOW_BYTES = 128 * 2**20
BLOCK_BYTES = 1 << 16


def is_compressed(magic: bytes) -> bool:
    """Whether a file that begins so is compressed."""
    return magic.startswith((GZIP_MAGIC, ZSTD_MAGIC))


def expanded(raw: IO[bytes], magic: bytes) -> IO[bytes]:
    """A file's content: the file itself if it is not compressed."""
    if not is_compressed(magic):
        return raw
    reads = _gzip_reads(raw) if magic.startswith(GZIP_MAGIC) else _zstd_reads(raw)
    return io.BufferedReader(_Bounded(reads, raw), BLOCK_BYTES)


class _Bounded(io.RawIOBase):
    """The content as a raw stream; it raises BrokenFileError where it must end early."""

    def __init__(self, read: Callable[[int], bytes], raw: IO[bytes]) -> None:
        self._read = read
        self._raw = raw
        self._expanded = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # Buffer has no length
        block = self._read(len(buffer))
        self._expanded += len(block)
        if self._expanded > BOMB_BYTES and self._expanded > BOMB_RATIO * max(self._raw.tell(), 1):
            raise BrokenFileError(
                f"It expands to more than {BOMB_RATIO} times its size, as a bomb does; if you trust it, "
                "unpack it and import what comes out."
            )
        buffer[: len(block)] = block
        return len(block)


def _gzip_reads(raw: IO[bytes]) -> Callable[[int], bytes]:
    file = gzip.GzipFile(fileobj=raw, mode="rb")

    def read(size: int) -> bytes:
        try:
            return file.read1(size)
        except EOFError:
            raise BrokenFileError("The gzip file is cut off before its end.") from None
        except (OSError, zlib.error) as error:
            raise BrokenFileError(f"The gzip file is damaged: {error}.") from error

    return read


def _zstd_reads(raw: IO[bytes]) -> Callable[[int], bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW_BYTES)
    frame = decompressor.decompressobj()
    ready = bytearray()
    begun = False

    def read(size: int) -> bytes:
        nonlocal frame, begun
        while not ready:
            block = raw.read(ZSTD_STEP_BYTES)
            if not block:
                if begun:
                    raise BrokenFileError("The zstd file is cut off before its end.")
                return b""
            while block:
                begun = True
                try:
                    ready.extend(frame.decompress(block))
                except zstandard.ZstdError as error:
                    raise BrokenFileError(f"The zstd file is damaged: {error}.") from error
                block = frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame, begun = decompressor.decompressobj(), False
        part = bytes(ready[:size])
        del ready[:size]
        return part

    return read
