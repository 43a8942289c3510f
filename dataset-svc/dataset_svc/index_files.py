"""The index's place on disk.

DATA_DIR/index/
  replica-1/ ...   one slot a replica, claimed by flock: replicas may share a volume
    lock
    current.json   {"format": 1, "generation": "3"}; replacing this file is the swap
    3/             a tantivy index
      cursor.json  {"sequence": 1234}: how far it has followed the change feed
"""

import json
import os
import shutil
import struct
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from dataset_svc.errors import IndexDamaged
from dataset_svc.index_schema import FORMAT
from servicekit.claims import claimed_directory

_CHUNK_BYTES = 1 << 20
_FOOTER_MAGIC = 1337
_KINDS = frozenset({"fast", "fieldnorm", "idx", "pos", "store", "term"})


class IndexFiles:
    """One replica's slot, held until `release`."""

    def __init__(self, slot: Path, claim: AbstractContextManager[Path]) -> None:
        self._slot = slot
        self._claim = claim

    @classmethod
    def claim(cls, root: Path) -> "IndexFiles":
        """Claim the first free slot; raises ConfigurationError when none can be made."""
        claim = claimed_directory(root)
        return cls(claim.__enter__(), claim)

    def release(self) -> None:
        """Let another replica have the slot."""
        self._claim.__exit__(None, None, None)

    def current(self) -> tuple[Path, int] | None:
        """The generation in use and its cursor; None before the first.

        Raises IndexDamaged, which says why, if what is there cannot be used.
        """
        try:
            marker = _read(self._slot / "current.json")
        except FileNotFoundError:
            return None
        if marker.get("format") != FORMAT:
            raise IndexDamaged(f"it has format {marker.get('format')}, this version writes {FORMAT}")
        directory = self._slot / str(marker.get("generation"))
        try:
            sequence = _read(directory / "cursor.json")["sequence"]
        except (FileNotFoundError, KeyError) as error:
            raise IndexDamaged("its cursor is missing") from error
        verify(directory)
        return directory, int(sequence)

    def new_generation(self) -> Path:
        """An empty directory beside the one in use; what an attempt before has left goes."""
        try:
            used = str(_read(self._slot / "current.json").get("generation"))
        except (FileNotFoundError, IndexDamaged):
            used = ""
        self._remove_all_but(used)
        numbers = [int(each.name) for each in self._slot.iterdir() if each.name.isdigit()]
        directory = self._slot / str(max(numbers, default=0) + 1)
        directory.mkdir()
        return directory

    def swap(self, directory: Path) -> None:
        """Make this generation the one in use, and remove all others."""
        _write(self._slot / "current.json", {"format": FORMAT, "generation": directory.name})
        self._remove_all_but(directory.name)

    def _remove_all_but(self, name: str) -> None:
        for each in self._slot.iterdir():
            if each.is_dir() and each.name != name:
                shutil.rmtree(each, ignore_errors=True)


def write_cursor(directory: Path, sequence: int) -> None:
    """Note durably how far the committed index has followed.

    It is written after the commit: a crash between the two makes the follower apply the last changes
    again, which changes nothing.
    """
    _write(directory / "cursor.json", {"sequence": sequence})


def size_bytes(directory: Path) -> int:
    """Bytes of all files of a generation."""
    total = 0
    for each in directory.iterdir():
        try:
            total += each.stat().st_size
        except FileNotFoundError:  # a merge has just removed it
            continue
    return total


def verify(directory: Path) -> None:
    """Read every file of the index's segments and compare its CRC-32 with the one that tantivy wrote.

    tantivy itself maps the files and believes them. 34 MB, the index of 100,000 examples, take 25 ms.
    Raises IndexDamaged.
    """
    try:
        segments = _read(directory / "meta.json")["segments"]
        deletions = {_name(segment): segment["deletes"] for segment in segments}
    except (FileNotFoundError, KeyError, TypeError) as error:
        raise IndexDamaged("its list of segments is missing") from error
    found = set()
    for path in sorted(directory.iterdir()):
        name, _, kind = path.name.partition(".")
        if name in deletions and kind in _kinds(deletions[name]):
            found.add(f"{name}.{kind}")
            _verify_file(path)
    if found != {f"{name}.{kind}" for name, held in deletions.items() for kind in _kinds(held)}:
        raise IndexDamaged("a file of a segment is missing")


def _name(segment: dict[str, Any]) -> str:
    return str(segment["segment_id"]).replace("-", "")


def _kinds(deletions: dict[str, Any] | None) -> frozenset[str]:
    """Endings of a segment's files; a list of deleted documents that was never committed is not one."""
    return _KINDS | {f"{deletions['opstamp']}.del"} if deletions else _KINDS


def _verify_file(path: Path) -> None:
    """A file of tantivy is body, footer as JSON, length of the footer, magic number (both u32, little)."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        try:
            file.seek(length - 8)
            footer_length, magic = struct.unpack("<II", file.read(8))
            file.seek(length - 8 - footer_length)
            expected = json.loads(file.read(footer_length))["crc"]
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            raise IndexDamaged(f"{path.name} has no footer") from error
        if magic != _FOOTER_MAGIC or _checksum(file, length - 8 - footer_length) != expected:
            raise IndexDamaged(f"{path.name} fails its checksum")


def _checksum(file: Any, length: int) -> int:
    file.seek(0)
    crc = 0
    while length > 0:
        chunk = file.read(min(_CHUNK_BYTES, length))
        crc = zlib.crc32(chunk, crc)
        length -= len(chunk)
    return crc


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise IndexDamaged(f"{path.name} is not JSON") from error
    if not isinstance(content, dict):
        raise IndexDamaged(f"{path.name} is not an object")
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    """Replace a file durably and at once: a reader sees the old content or the new."""
    beside = path.with_suffix(".new")
    with beside.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
