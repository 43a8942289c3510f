"""The service process stays small: what only workers or the other mode need is not imported."""

import subprocess
import sys

HEAVY = {"numpy", "PIL", "celery", "kombu", "psycopg"}


def test_the_embedded_service_imports_nothing_heavy() -> None:
    assert HEAVY.isdisjoint(loaded_by("task_svc.__main__"))


def test_only_the_processes_that_make_things_load_numpy_and_none_loads_scipy() -> None:
    assert "numpy" not in loaded_by("task_svc.worker")
    for kind in ("art", "cymatics", "music"):
        maker = loaded_by(f"task_svc.{kind}.generator")
        assert "numpy" in maker
        assert "scipy" not in maker


def loaded_by(module: str) -> set[str]:
    """Names of the packages that are there once a module is imported."""
    script = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(loaded.stdout.split())
