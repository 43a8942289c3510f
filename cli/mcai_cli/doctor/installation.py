"""A look at the machine that the command runs on."""

import platform
import resource
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

from mcai_cli.doctor.model import Finding, good, note, wrong

LEAST_FILES: Final = 1024
_LEAST_PYTHON: Final = (3, 11)


def look() -> Iterator[Finding]:
    """Findings of Python and of what a process may have open."""
    if sys.version_info < _LEAST_PYTHON:
        yield wrong(
            f"This is Python {platform.python_version()}.", "MC AI needs Python 3.11 or newer: install that."
        )
    else:
        yield good(f"MC AI {version('mcai-cli')} on Python {platform.python_version()}.")
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < LEAST_FILES:
        yield note(
            f"A process may have {files} files and connections open.",
            f"For many clients raise that to {LEAST_FILES} or more: `ulimit -n {LEAST_FILES}`.",
        )
