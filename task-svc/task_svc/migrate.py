"""Numbered migrations: which there are, and which a database still needs.

A migration is applied once and never edited afterwards: its SHA-256 is kept in the database, and a
database whose migrations are not ours is refused.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from servicekit.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, from the file `NNNN_name.sql`."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, 64 hexadecimal digits."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(store: Literal["postgres", "sqlite"]) -> list[Migration]:
    """Returns the store's migrations in their order."""
    found = [
        Migration(int(file.name[:4]), file.name, file.read_text("utf-8"))
        for file in files("task_svc").joinpath("migrations", store).iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.number)


def outstanding(known: list[Migration], applied: Mapping[int, str], database: str) -> list[Migration]:
    """Returns what is to be applied, given the checksums by number of what was applied.

    Raises:
        ConfigurationError: An applied migration is unknown to this version, or was edited since.
    """
    checksums = {migration.number: migration.checksum for migration in known}
    for number, checksum in applied.items():
        if number not in checksums:
            raise ConfigurationError(
                f"{database} has the task migration {number:04}, which this version does not know; "
                "start the newer version that applied it."
            )
        if checksums[number] != checksum:
            raise ConfigurationError(
                f"The task migration {number:04} was edited after it was applied to {database}; "
                "restore its text and write a new migration."
            )
    return [migration for migration in known if migration.number not in applied]
