"""Any text file as UTF-8: byte order marks are taken off, and Windows-1252 lines are read as what they mean.

Old files mix encodings line by line, so each line that is not UTF-8 is looked at by itself. One whose bytes
have the form of UTF-8 somewhere is damaged UTF-8 and stays as it is, for its reader to refuse; in any other
each byte is a character of Windows-1252.
"""

import codecs
import io
import re
from typing import IO

from mcai_cli.reading.model import BrokenFileError

BLOCK_BYTES = 1 << 16
WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The longer ones first: UTF-32's mark begins with UTF-16's."""
UTF8_FORM = re.compile(rb"[\xC0-\xDF][\x80-\xBF]|[\xE0-\xEF][\x80-\xBF]{2}|[\xF0-\xF7][\x80-\xBF]{3}")


class Utf8Stream(io.RawIOBase):
    """A file's text in UTF-8.

    Attributes:
        legacy_lines: Lines so far that were read as Windows-1252.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ready = b""
        self._carry = b""
        self.legacy_lines = 0
        self._decoder = self._begin()

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # Buffer has no length
        """Fill the buffer as far as one block goes."""
        if not self._ready:
            self._ready = self._next()
        part = self._ready[: len(buffer)]
        self._ready = self._ready[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _begin(self) -> codecs.IncrementalDecoder | None:
        head = self._file.read(4)
        for mark, name in WIDE_MARKS:
            if head.startswith(mark):
                decoder = codecs.getincrementaldecoder(name)()
                self._ready = decoder.decode(head).encode()
                return decoder
        self._carry = head.removeprefix(codecs.BOM_UTF8)
        return None

    def _next(self) -> bytes:
        if self._decoder is not None:
            return self._next_wide(self._decoder)
        block = self._carry + self._file.read(BLOCK_BYTES)
        self._carry = b""
        if not block.endswith(b"\n"):
            block += self._file.readline(BLOCK_BYTES)
        try:
            block.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and (rest := self._file.read(1)):
                # A line longer than a block was cut within a character.
                self._carry = block[error.start :] + rest
                block = block[: error.start]
            return b"".join(map(self._line, block.splitlines(keepends=True)))
        return block

    def _next_wide(self, decoder: codecs.IncrementalDecoder) -> bytes:
        while block := self._file.read(BLOCK_BYTES):
            if text := self._decoded(decoder, block, final=False):
                return text
        return self._decoded(decoder, b"", final=True)

    def _decoded(self, decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool) -> bytes:
        try:
            return decoder.decode(block, final).encode()
        except UnicodeError:
            raise BrokenFileError("It begins like UTF-16 or UTF-32 and is not valid as such.") from None

    def _line(self, line: bytes) -> bytes:
        try:
            line.decode()
        except UnicodeDecodeError:
            if UTF8_FORM.search(line):
                return line
        else:
            return line
        try:
            text = line.decode("cp1252").encode()
        except UnicodeDecodeError:
            return line
        self.legacy_lines += 1
        return text
