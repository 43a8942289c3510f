"""The README says what is so."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def _generator() -> ModuleType:
    """docs/generate.py, which is a script."""
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_configuration_table_is_what_the_settings_say() -> None:
    readme = (ROOT / "README.md").read_text()

    assert _generator().rendered(readme) == readme


def test_the_commands_of_the_routes_are_what_the_gateway_says() -> None:
    generate = _generator()

    assert generate.COMMANDS.read_bytes() == generate.commands_file()


def test_every_path_that_it_names_is_there() -> None:
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"\]\(([\w./-]+)\)", readme)) | set(re.findall(r"`(tests/[\w./-]+)`", readme))

    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
