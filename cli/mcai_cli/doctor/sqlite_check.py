"""Whether a SQLite file is sound. It is opened for reading only, beside whoever writes it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from mcai_cli.doctor.model import Finding, note, wrong

_WAITS_SECONDS: Final = 2.0
# A journal or a bank has what nobody else has; what these hold is made again.
_MADE_AGAIN: Final = frozenset({"cache.sqlite", "replays.sqlite"})


def damage(file: Path) -> Finding | None:
    """What is wrong with a database; None if it is sound, or too busy to tell."""
    try:
        answer = _checked(file)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return None
        return wrong(
            f"The database {file} cannot be opened ({error}).", "Give yourself the right to read it."
        )
    except sqlite3.DatabaseError as error:
        answer = str(error)
    if answer == "ok":
        return None
    if file.name in _MADE_AGAIN:
        return note(f"The database {file} is damaged ({answer}).", "It is made anew at the next start.")
    return wrong(
        f"The database {file} is damaged ({answer}).",
        "Stop the system, keep a copy, and restore a backup; or save what can be read with "
        f"`sqlite3 {file} .recover`.",
    )


def _checked(file: Path) -> str:
    address = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=_WAITS_SECONDS)) as connection:
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        return str(answer)
