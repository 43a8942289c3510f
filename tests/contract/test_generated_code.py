"""The committed code of the contracts is what the contracts generate."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "protos" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contents(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): path.read_text()
        for path in sorted(directory.rglob("*"))
        if path.suffix in {".py", ".pyi"}
    }


def test_generating_again_changes_nothing(tmp_path: Path) -> None:
    load_generator().generate(tmp_path)

    assert contents(tmp_path) == contents(ROOT / "protos" / "gen")
