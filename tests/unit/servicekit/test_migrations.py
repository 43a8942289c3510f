from typing import Literal

import pytest

from servicekit.errors import ConfigurationError
from servicekit.migrations import Migration, load, outstanding

ONE, TWO = Migration(1, "0001_one.sql", "SELECT 1;"), Migration(2, "0002_two.sql", "SELECT 2;")


@pytest.mark.parametrize("package", ["dataset_svc", "task_svc"])
@pytest.mark.parametrize("store", ["postgres", "sqlite"])
def test_migrations_are_numbered_from_one_without_a_gap(
    package: str, store: Literal["postgres", "sqlite"]
) -> None:
    migrations = load(package, store)
    assert [migration.number for migration in migrations] == list(range(1, len(migrations) + 1))
    assert all(migration.sql.strip() for migration in migrations)


def test_what_was_not_applied_is_outstanding() -> None:
    assert outstanding([ONE, TWO], {}, database="It") == [ONE, TWO]
    assert outstanding([ONE, TWO], {1: ONE.checksum}, database="It") == [TWO]
    assert outstanding([ONE, TWO], {1: ONE.checksum, 2: TWO.checksum}, database="It") == []


def test_a_changed_migration_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"0001_one\.sql was changed after it was applied to It"):
        outstanding([ONE, TWO], {1: TWO.checksum}, database="It")


def test_a_newer_database_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="It has migration 0002, which this version does not know"):
        outstanding([ONE], {1: ONE.checksum, 2: TWO.checksum}, database="It")
