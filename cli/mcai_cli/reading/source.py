"""An open file: its compression is taken off, its text is UTF-8, and it tells how far it was read."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mcai_cli.reading.compressed import BLOCK_BYTES, expanded, is_compressed
from mcai_cli.reading.encodings import Utf8Stream
from mcai_cli.reading.model import BrokenFileError

HEAD_BYTES = 1 << 16
MAX_LINE_BYTES = 16 * 2**20
MAX_MEMORY_BYTES = 64 * 2**20
"""Formats that cannot be read piece by piece may be this large."""


class Source:
    """One file, to be read as bytes or as text from its beginning, as often as a reader needs.

    Attributes:
        head: The first bytes of the content.
    """

    head: bytes

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: list[IO[bytes]] = []
        with path.open("rb") as file:
            self._magic = file.read(4)
        self._stream: Utf8Stream | None = None
        self._compressed = is_compressed(self._magic)

    def begin(self) -> None:
        """Look at the file; raises BrokenFileError when its compression is damaged."""
        if self._compressed:
            # Read it through, so that one that is cut is refused before its first row.
            content = self.content()
            while content.read(BLOCK_BYTES):
                pass
        self.head = self.content().read(HEAD_BYTES)

    def close(self) -> None:
        """Close the file."""
        for file in self._opened:
            file.close()

    @property
    def position(self) -> int:
        """Bytes of the file that the reading under way has taken, compressed as it may be."""
        return 0 if self._opened[-1].closed else self._opened[-1].tell()

    @property
    def legacy_lines(self) -> int:
        """Lines of the text that were read as Windows-1252."""
        return self._stream.legacy_lines if self._stream is not None else 0

    def content(self) -> IO[bytes]:
        """The content from its beginning."""
        raw = self._path.open("rb")
        self._opened.append(raw)
        return expanded(raw, self._magic)

    def text(self) -> io.BufferedReader:
        """The content from its beginning, as UTF-8; lines that no encoding explains are left as they are."""
        self._stream = Utf8Stream(self.content())
        return io.BufferedReader(self._stream, BLOCK_BYTES)

    def whole(self, what: str) -> bytes:
        """The content at once; raises BrokenFileError if it is too large for that."""
        content = self.content().read(MAX_MEMORY_BYTES + 1)
        if len(content) > MAX_MEMORY_BYTES:
            raise BrokenFileError(
                f"A {what} file is read whole, and this one has more than {MAX_MEMORY_BYTES // 2**20} MiB: "
                "split it, or save it as JSON Lines."
            )
        return content

    def whole_text(self, what: str) -> str:
        """The text at once; raises BrokenFileError if it is too large or no encoding explains it."""
        text = self.text().read(MAX_MEMORY_BYTES + 1)
        if len(text) > MAX_MEMORY_BYTES:
            self.whole(what)
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            line = text.count(b"\n", 0, error.start) + 1
            raise BrokenFileError(f"Line {line} is neither UTF-8 nor Windows-1252.") from None

    def on_disk(self) -> Path | None:
        """The path of the content, if it is not compressed."""
        return None if self._compressed else self._path


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file; raises OSError, and BrokenFileError when its compression is damaged."""
    source = Source(path)
    try:
        source.begin()
        yield source
    finally:
        source.close()


def lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    r"""The lines of a text with their numbers from 1; None for one of more than 16 MiB.

    Only \n ends a line: JSON texts may hold U+2028 and U+0085, which str.splitlines would cut at.
    """
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (part := file.readline(MAX_LINE_BYTES)) and not part.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line


def decoded(raw: bytes | None) -> tuple[str, str]:
    """A line of `lines` without its end, as far as it can be read, and why not all of it can."""
    if raw is None:
        return "", "is longer than 16 MiB"
    try:
        return raw.decode().rstrip("\r\n"), ""
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").rstrip("\r\n"), "is neither UTF-8 nor Windows-1252"
