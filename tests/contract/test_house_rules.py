"""Rules of the house that no linter knows."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
NAMES_THAT_SAY_NOTHING = {"utils.py", "common.py", "helpers.py", "manager.py", "util.py", "misc.py"}


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],  # noqa: S607 - the path's git
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if not name.startswith("protos/gen/") and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def files() -> list[Path]:
    found = sources()
    assert len(found) > 50
    return found


def test_no_file_is_too_long_to_read(files: list[Path]) -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}

    assert {name: lines for name, lines in long.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_too_long_to_read(files: list[Path]) -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }

    assert {name: lines for name, lines in long.items() if lines > MAX_FUNCTION_LINES} == {}


def test_every_name_says_what_is_inside(files: list[Path]) -> None:
    assert [path for path in files if path.name in NAMES_THAT_SAY_NOTHING] == []
