"""Numbered migrations: which there are, and which a database still needs.

A migration is applied once and never edited afterwards: its SHA-256 is kept in the database, and a
database whose migrations are not ours is refused instead of guessed at.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal

from servicekit.errors import ConfigurationError

_FILE_NAME: Final = re.compile(r"(?P<number>\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `name` is its file's."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, 64 hexadecimal digits."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load(package: str, store: Literal["postgres", "sqlite"]) -> list[Migration]:
    """Returns a package's files `migrations/STORE/NNNN_name.sql` in their order."""
    directory = files(package).joinpath("migrations", store)
    named = [(match, file) for file in directory.iterdir() if (match := _FILE_NAME.fullmatch(file.name))]
    found = (Migration(int(match["number"]), file.name, file.read_text("utf-8")) for match, file in named)
    return sorted(found, key=lambda migration: migration.number)


def outstanding(
    migrations: Sequence[Migration], applied: Mapping[int, str], *, database: str
) -> list[Migration]:
    """Returns what is to be applied, given the checksums by number of what was applied.

    Raises:
        ConfigurationError: An applied migration was edited since, or is unknown to this version.
    """
    known = {migration.number: migration for migration in migrations}
    for number, checksum in sorted(applied.items()):
        if number not in known:
            raise ConfigurationError(
                f"{database} has migration {number:04}, which this version does not know; "
                "start the newer version that applied it."
            )
        if known[number].checksum != checksum:
            raise ConfigurationError(
                f"{known[number].name} was changed after it was applied to {database}; "
                "restore its text and put the change into a new migration."
            )
    return [migration for migration in migrations if migration.number not in applied]
