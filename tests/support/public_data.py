"""The public data sets beside the checkout; they are not part of the project."""

from pathlib import Path

import pytest

from tests.support.requirements import require

DIRECTORY = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Folder of the data sets; the test is skipped, saying so, where it is absent."""
    if not DIRECTORY.is_dir():
        require("data", f"there is no folder {DIRECTORY}")
    return DIRECTORY
