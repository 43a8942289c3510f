"""The service process stays small: what only workers or the other mode need is not imported."""

import subprocess
import sys

HEAVY = {"numpy", "PIL", "celery", "kombu", "psycopg"}


def test_the_embedded_service_imports_nothing_heavy() -> None:
    script = "import sys, task_svc.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert HEAVY.isdisjoint(loaded)
