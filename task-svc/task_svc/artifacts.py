"""Artefacts as files below one directory, named by their SHA-256.

DIR/ab/abcdef...     the bytes whose SHA-256 is abcdef...; written once, never changed
DIR/scratch/ID/      where a generator writes; on the same file system, so that adopting is a rename

The name that a task gives its artefact is never part of a path, so no name can lead out of the directory.
"""

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from servicekit.errors import ConfigurationError
from servicekit.identifiers import new_id
from task_svc.errors import ArtifactCorrupt, ArtifactNotFound, StoreUnavailable
from task_svc.model import Artifact, MadeFile, Product

CHUNK_BYTES: Final = 65_536
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SCRATCH: Final = "scratch"
_PRIVATE: Final = 0o700


class FileArtifacts:
    """ports.ArtifactStore on a directory that services and workers share.

    Raises ConfigurationError when the directory cannot be written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        try:
            (self._root / _SCRATCH).mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The artefact directory {root} cannot be written ({error.strerror}); give the process the "
                "right to write there, or set MCAI_ARTIFACTS_DIR."
            ) from error

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See ports.ArtifactStore."""
        directory = self._root / _SCRATCH / new_id()
        try:
            directory.mkdir(mode=_PRIVATE)
        except OSError as error:
            raise _unwritable(error) from error
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    async def adopt(self, product: Product) -> list[Artifact]:
        """See ports.ArtifactStore."""
        return await asyncio.to_thread(lambda: [self._adopt(made) for made in product.files])

    async def read(self, artifact: Artifact, offset: int, length: int) -> AsyncIterator[bytes]:
        """See ports.ArtifactStore."""
        path = self._path(artifact.sha256)
        await asyncio.to_thread(_verify, path, artifact)
        end = artifact.size_bytes if length == 0 else min(offset + length, artifact.size_bytes)
        while offset < end:
            piece = await asyncio.to_thread(_read_piece, path, offset, min(CHUNK_BYTES, end - offset))
            if not piece:
                raise ArtifactCorrupt(f"The artefact {artifact.name!r} was cut while it was read.")
            yield piece
            offset += len(piece)

    def sweep_scratch(self, older_than: float) -> None:
        """Removes what killed workers left behind before `older_than` (seconds since the epoch)."""
        for directory in (self._root / _SCRATCH).iterdir():
            if directory.stat().st_mtime < older_than:
                shutil.rmtree(directory, ignore_errors=True)

    def _adopt(self, made: MadeFile) -> Artifact:
        try:
            digest, size = _flushed_digest(made.path)
            path = self._path(digest)
            path.parent.mkdir(mode=_PRIVATE, exist_ok=True)
            made.path.replace(path)
            _flush_directory(path.parent)
        except OSError as error:
            raise _unwritable(error) from error
        return Artifact(made.name, made.media_type, size, digest)

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ArtifactCorrupt("The stored SHA-256 of the artefact is none.")
        return self._root / digest[:2] / digest


def _flushed_digest(path: Path) -> tuple[str, int]:
    """Returns the file's SHA-256 and size, after its bytes have reached the disk."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return digest, file.tell()


def _flush_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _verify(path: Path, artifact: Artifact) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ArtifactNotFound(f"The file of the artefact {artifact.name!r} is gone.") from None
    except OSError as error:
        raise StoreUnavailable(f"The artefact directory cannot be read ({error.strerror}).") from error
    if digest != artifact.sha256:
        raise ArtifactCorrupt(f"The file of the artefact {artifact.name!r} is damaged.")


def _read_piece(path: Path, offset: int, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except OSError as error:
        raise StoreUnavailable(f"The artefact directory cannot be read ({error.strerror}).") from error


def _unwritable(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"The artefact directory cannot be written ({error.strerror}).", retry_after_seconds=10
    )
