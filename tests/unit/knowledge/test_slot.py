from pathlib import Path

import pytest

from knowledge_svc.slot import own_slot
from servicekit.errors import ConfigurationError


def test_two_owners_never_share_a_directory(tmp_path: Path) -> None:
    with own_slot(tmp_path) as first, own_slot(tmp_path) as second:
        assert first != second


def test_a_slot_is_taken_over_when_its_owner_is_gone(tmp_path: Path) -> None:
    with own_slot(tmp_path) as first:
        pass

    with own_slot(tmp_path) as second:
        assert first == second


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="MCAI_DATA_DIR"), own_slot(tmp_path / "file"):
        pass
