"""Replicas that share a volume never share a folder."""

from pathlib import Path

import pytest

from servicekit.claims import claimed, claimed_directory, siblings
from servicekit.errors import ConfigurationError


def test_replicas_get_a_folder_each(tmp_path: Path) -> None:
    with claimed_directory(tmp_path) as first, claimed_directory(tmp_path) as second:
        assert (first.name, second.name) == ("replica-1", "replica-2")


def test_a_folder_that_was_given_back_is_claimed_again_with_its_files(tmp_path: Path) -> None:
    with claimed_directory(tmp_path) as first:
        (first / "journal").write_text("kept")

    with claimed_directory(tmp_path) as again:
        assert (again / "journal").read_text() == "kept"


def test_a_replica_knows_the_folders_of_the_others(tmp_path: Path) -> None:
    with claimed_directory(tmp_path) as first, claimed_directory(tmp_path) as second:
        (tmp_path / "something-else").mkdir()
        assert siblings(first) == [second]
        assert siblings(tmp_path) == []


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with claimed_directory(tmp_path) as first:
        with claimed(first) as free:
            assert not free
        assert first.exists()
    with claimed(first) as free:
        assert free


def test_a_volume_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigurationError, match="cannot be written"), claimed_directory(tmp_path / "file"):
        pass
