"""The layout of an embedded data directory, and the claim that only one system runs on it.

DATA_DIR/
  lock              held by flock while a system runs
  dataset/ knowledge/ task/ monitor/ gateway/   each service's own files
  run/*.sock        the services' gRPC sockets
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_svc.settings import DatasetSettings
from servicekit.errors import ConfigurationError
from servicekit.settings import load

MAX_SOCKET_PATH_BYTES = 100
"""A Unix socket's path may have 107 bytes; the longest file name here takes a few."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """A claimed data directory."""

    path: Path
    sockets: Path

    @classmethod
    @contextmanager
    def claimed(cls, path: Path) -> Iterator["DataDirectory"]:
        """Create the directory and hold its lock; raises ConfigurationError with one sentence."""
        path = path.absolute()
        descriptor = _lock(path)
        try:
            with _socket_directory(path) as sockets:
                yield cls(path, sockets)
        finally:
            os.close(descriptor)

    def service_settings(self, service: str) -> dict[str, Any]:
        """Where a service listens and keeps its files, as overrides of its settings."""
        return {
            "listen": self.target(service),
            "data_dir": self.path / service,
            "metrics_listen": None,
        }

    def target(self, service: str) -> str:
        """Address of a service's socket."""
        return f"unix:{self.sockets / service}.sock"

    def dataset_settings(self) -> DatasetSettings:
        """Settings of the bank on this directory."""
        return load(DatasetSettings, **self.service_settings("dataset"))


def is_claimed(path: Path) -> bool:
    """Whether a system runs on a data directory."""
    try:
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(path: Path) -> int:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The data directory {path} cannot be written ({error.strerror}): choose another with "
            "--data-dir, or give yourself the right to write there."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigurationError(
            f"Another system runs on the data directory {path}: stop it, choose another with --data-dir, "
            "or import through the running one with --to http://HOST:PORT."
        ) from None
    return descriptor


@contextmanager
def _socket_directory(path: Path) -> Iterator[Path]:
    sockets = path / "run"
    if len(os.fsencode(sockets)) <= MAX_SOCKET_PATH_BYTES - len("knowledge.sock"):
        sockets.mkdir(mode=0o700, exist_ok=True)
        yield sockets
        return
    # Too deep a folder for a socket's path: a private temporary one serves as well.
    with tempfile.TemporaryDirectory(prefix="mcai-") as directory, suppress(FileNotFoundError):
        yield Path(directory)
