"""A look at a data directory, whether a system runs on it or not. Nothing in it is changed."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mcai_cli.doctor.model import Finding, good, note, wrong
from mcai_cli.doctor.sqlite_check import damage
from mcai_cli.layout import is_claimed

LEAST_FREE_BYTES: Final = 2**30
_DATABASES: Final = ("*.db", "*.sqlite")


def look(path: Path) -> Iterator[Finding]:
    """Findings of a data directory."""
    if not path.is_dir():
        yield note(f"There is no data directory {path}.", "`mcai run` makes it at the first start.")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield wrong(
            f"The data directory {path} cannot be written.",
            "Give yourself the right to (`chown`), or choose another with --data-dir.",
        )
        return
    running = is_claimed(path)
    yield good(f"{'A system runs' if running else 'No system runs'} on the data directory {path}.")
    free = shutil.disk_usage(path).free
    if free < LEAST_FREE_BYTES:
        yield wrong(
            f"The disk of {path} has {free / 2**20:.0f} MiB left.",
            "Make room: when it is full, writes are refused. A rule of retention (`mcai datasets update`) "
            "keeps datasets small.",
        )
    files = sorted(file for pattern in _DATABASES for file in path.rglob(pattern))
    damaged = [finding for file in files if (finding := damage(file)) is not None]
    yield from damaged
    if files and not damaged:
        yield good(f"Its {len(files)} databases are sound.")
