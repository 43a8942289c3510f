"""A folder for each replica on a volume that they share, claimed by a file lock.

`docker compose up --scale dataset-svc=2` gives both replicas the same volume, and each needs files of its
own: its index, its journal. A replica claims the first folder that is free; the kernel gives it back when the
process ends, however it ends. So a replica that starts again finds what the one before it left there, the
writes that were still to be replayed among it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from servicekit.errors import ConfigurationError

MAX_REPLICAS: Final = 256
_PREFIX: Final = "replica-"


@contextmanager
def claimed_directory(volume: Path) -> Iterator[Path]:
    """Holds the first free folder `replica-N` of the volume for the time of the block.

    Raises:
        ConfigurationError: The volume cannot be written, or has no free folder.
    """
    for number in range(1, MAX_REPLICAS + 1):
        directory = volume / f"{_PREFIX}{number}"
        with claimed(directory) as ours:
            if ours:
                yield directory
                return
    raise ConfigurationError(f"The data directory {volume} is used by {MAX_REPLICAS} processes already.")


def siblings(directory: Path) -> list[Path]:
    """Returns the other replicas' folders on the volume of a claimed one; none if it is no such folder."""
    if not directory.name.startswith(_PREFIX):
        return []
    return sorted(each for each in directory.parent.glob(f"{_PREFIX}*") if each != directory)


@contextmanager
def claimed(directory: Path) -> Iterator[bool]:
    """Holds a folder for the time of the block if it is free; yields whether it was.

    Raises:
        ConfigurationError: It cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The data directory {directory.parent} cannot be written ({error.strerror}); "
            "give the process the right to write there, or set MCAI_DATA_DIR."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        free = False
    else:
        free = True
    try:
        yield free
    finally:
        os.close(descriptor)
