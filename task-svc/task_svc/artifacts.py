"""Artefacts named by their SHA-256, on any file system of fsspec: a directory, or a bucket of S3.

ROOT/ab/abcdef...     the bytes whose SHA-256 is abcdef...; they appear whole and are never changed
SCRATCH/ID/           where a generator writes, always on a local disk

The name that a task gives its artefact is never part of a path, so no name can lead out of the root.
"""

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from servicekit.errors import ConfigurationError
from servicekit.identifiers import new_id
from task_svc.errors import ArtifactCorrupt, ArtifactNotFound, StoreUnavailable
from task_svc.model import Artifact, MadeFile, Product

CHUNK_BYTES: Final = 65_536
# A read of a bucket is a request, so that it takes more at a time.
_REMOTE_BLOCK_BYTES: Final = 16 * CHUNK_BYTES
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SCRATCH: Final = "scratch"
_PRIVATE: Final = 0o700
_VERIFIED_AT_MOST: Final = 4_096


class FsspecArtifacts:
    """ports.ArtifactStore on a file system of fsspec that services and workers share.

    Args:
        files: The file system; its errors are OSErrors, or of `errors`.
        root: Directory or bucket and prefix of the artefacts.
        scratch: A local directory; on the disk of `root` if that is local, so that adopting is a rename.
        errors: What the file system raises beside OSError.
    """

    def __init__(
        self,
        files: AbstractFileSystem,
        root: str,
        scratch: Path,
        errors: tuple[type[Exception], ...] = (),
    ) -> None:
        self._files = files
        self._root = root
        self._scratch = scratch
        self._errors: tuple[type[Exception], ...] = (*errors, OSError)
        self._local = isinstance(files, LocalFileSystem)
        self._block_bytes = CHUNK_BYTES if self._local else _REMOTE_BLOCK_BYTES
        self._verified: dict[str, str] = {}

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See ports.ArtifactStore."""
        directory = self._scratch / new_id()
        try:
            directory.mkdir(mode=_PRIVATE)
        except OSError as error:
            raise _away("written", error) from error
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
        whole = offset == 0 and length in {0, artifact.size_bytes}
        await asyncio.to_thread(self._verify, path, artifact, anew=whole)
        end = artifact.size_bytes if length == 0 else min(offset + length, artifact.size_bytes)
        while offset < end:
            block = await asyncio.to_thread(self._read, path, artifact, offset, end)
            if not block:
                raise ArtifactCorrupt(f"The artefact {artifact.name!r} was cut while it was read.")
            for first in range(0, len(block), CHUNK_BYTES):
                yield block[first : first + CHUNK_BYTES]
            offset += len(block)

    async def unchanged_since(self, before: float) -> frozenset[str]:
        """See ports.ArtifactStore."""
        return await asyncio.to_thread(self._unchanged_since, before)

    async def remove(self, digest: str, before: float) -> bool:
        """See ports.ArtifactStore."""
        return await asyncio.to_thread(self._remove, self._path(digest), before)

    def sweep_scratch(self, older_than: float) -> None:
        """See ports.ArtifactStore."""
        for directory in self._scratch.iterdir():
            with _reading():
                if directory.stat().st_mtime < older_than:
                    shutil.rmtree(directory, ignore_errors=True)

    def _adopt(self, made: MadeFile) -> Artifact:
        try:
            digest, size = _flushed_digest(made.path)
            path = self._path(digest)
            if self._local:
                _rename(made.path, Path(path))
            else:
                # An object appears whole or not at all.
                self._files.put_file(str(made.path), path)
        except self._errors as error:
            raise _away("written", error) from error
        return Artifact(made.name, made.media_type, size, digest)

    def _path(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise ArtifactCorrupt("The stored SHA-256 of the artefact is none.")
        return f"{self._root}/{digest[:2]}/{digest}"

    def _verify(self, path: str, artifact: Artifact, *, anew: bool) -> None:
        """Checks the SHA-256: of a range only when the file was not seen as it is now.

        A player that seeks in ten minutes of music asks for many ranges of 100 MB.
        """
        info = self._guarded(artifact, lambda: self._files.info(path))
        state = f"{info['size']} {_modified(info)} {info.get('ino')} {info.get('ETag')}"
        if not anew and self._verified.get(artifact.sha256) == state:
            return
        if info["size"] != artifact.size_bytes or self._digest(path, artifact) != artifact.sha256:
            self._verified.pop(artifact.sha256, None)
            raise ArtifactCorrupt(f"The file of the artefact {artifact.name!r} is damaged.")
        if len(self._verified) >= _VERIFIED_AT_MOST:
            self._verified.clear()
        self._verified[artifact.sha256] = state

    def _digest(self, path: str, artifact: Artifact) -> str:
        digest, offset = hashlib.sha256(), 0
        while offset < artifact.size_bytes and (
            block := self._read(path, artifact, offset, artifact.size_bytes)
        ):
            digest.update(block)
            offset += len(block)
        return digest.hexdigest()

    def _read(self, path: str, artifact: Artifact, offset: int, end: int) -> bytes:
        """At most one block from `offset`; empty at the end of the file."""
        until = min(end, offset + self._block_bytes)
        block: bytes = self._guarded(artifact, lambda: self._files.cat_file(path, start=offset, end=until))
        return block

    def _guarded(self, artifact: Artifact, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except FileNotFoundError:
            raise ArtifactNotFound(f"The file of the artefact {artifact.name!r} is gone.") from None
        except self._errors as error:
            raise _away("read", error) from error

    def _unchanged_since(self, before: float) -> frozenset[str]:
        try:
            found = self._files.find(self._root, detail=True)
        except self._errors:
            return frozenset()
        named = ((path.rpartition("/")[2], info) for path, info in found.items())
        return frozenset(name for name, info in named if _DIGEST.fullmatch(name) and _modified(info) < before)

    def _remove(self, path: str, before: float) -> bool:
        try:
            if self._local:
                return _unlink_if_old(Path(path), self._scratch / new_id(), before)
            if _modified(self._files.info(path)) >= before:
                return False
            self._files.rm_file(path)
        except self._errors:
            return False
        return True


def local_artifacts(root: Path) -> FsspecArtifacts:
    """Returns the artefacts below a directory; raises ConfigurationError when it cannot be written."""
    absolute = root.absolute()
    return FsspecArtifacts(LocalFileSystem(), str(absolute), made_scratch(absolute))


def made_scratch(directory: Path) -> Path:
    """Returns the scratch directory below another one; raises ConfigurationError as above."""
    scratch = directory.absolute() / _SCRATCH
    try:
        scratch.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The artefact directory {directory} cannot be written ({error.strerror}); give the process the "
            "right to write there, or set MCAI_ARTIFACTS_DIR."
        ) from error
    return scratch


def _flushed_digest(path: Path) -> tuple[str, int]:
    """Returns the file's SHA-256 and size, after its bytes have reached the disk."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return digest, file.tell()


def _rename(made: Path, path: Path) -> None:
    """Gives a file its final name, durably."""
    path.parent.mkdir(mode=_PRIVATE, exist_ok=True)
    made.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink_if_old(path: Path, aside: Path, before: float) -> bool:
    """Removes a file unless it is young, also when the same content is adopted anew in this moment."""
    if path.stat().st_mtime >= before:
        return False
    path.rename(aside)
    if aside.stat().st_mtime >= before:
        aside.rename(path)
        return False
    aside.unlink()
    return True


def _modified(info: dict[str, Any]) -> float:
    """When a file was last written, in seconds since the epoch."""
    modified = info.get("mtime", info.get("LastModified"))
    return modified.timestamp() if isinstance(modified, datetime) else float(modified or 0.0)


@contextmanager
def _reading() -> Iterator[None]:
    """Passes over what another process removed in the same moment."""
    try:
        yield
    except FileNotFoundError:
        return


def _away(verb: str, error: Exception) -> StoreUnavailable:
    # An error's own text may hold paths and addresses.
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return StoreUnavailable(
        f"The place of the artefacts cannot be {verb} ({reason}).", retry_after_seconds=10
    )
