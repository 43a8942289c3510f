"""Replicas that share a volume never share a folder."""

from pathlib import Path

import pytest

from servicekit.claims import claimed_directory
from servicekit.errors import ConfigurationError


def test_replicas_get_a_folder_each(tmp_path: Path) -> None:
    with claimed_directory(tmp_path) as first, claimed_directory(tmp_path) as second:
        assert (first.name, second.name) == ("replica-1", "replica-2")


def test_a_folder_that_was_given_back_is_claimed_again_with_its_files(tmp_path: Path) -> None:
    with claimed_directory(tmp_path) as first:
        (first / "journal").write_text("kept")

    with claimed_directory(tmp_path) as again:
        assert (again / "journal").read_text() == "kept"


def test_a_volume_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigurationError, match="cannot be written"), claimed_directory(tmp_path / "file"):
        pass
