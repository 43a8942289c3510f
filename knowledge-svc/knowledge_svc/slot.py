"""A directory of one's own below a shared data directory.

Replicas that were scaled share a volume, and a cache file has one owner. Names by host would leave a file
behind at every restart of a container; a locked slot is taken over by the next one.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from servicekit.errors import ConfigurationError

_SLOTS: Final = 64


@contextmanager
def own_slot(parent: Path) -> Iterator[Path]:
    """Gives the block the first directory `parent`/0, 1, ... that no living process holds.

    Raises:
        ConfigurationError: The directory cannot be written, or all slots are held.
    """
    for number in range(_SLOTS):
        directory = parent / str(number)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"The cache directory {directory} cannot be written ({error.strerror}); "
                "choose another one in MCAI_DATA_DIR."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        try:
            yield directory
        finally:
            os.close(lock)
        return
    raise ConfigurationError(f"All {_SLOTS} cache directories below {parent} are in use.")
