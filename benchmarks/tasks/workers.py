"""The workers that are compared: ours with a generator that makes nothing, and a bare one of Celery.

python -m benchmarks.tasks.workers ours|bare BROKER_URL
"""

import sys
from pathlib import Path
from typing import Final

from celery import Celery

from servicekit import logs
from servicekit.settings import load
from task_svc.model import Parameters, Product, TaskKind
from task_svc.ports import Progress
from task_svc.settings import TaskSettings
from task_svc.worker import run_worker

PROCESSES: Final = 2
NOTHING: Final = "benchmarks.nothing"


class Nothing:
    """ports.Generator that has made it already."""

    async def generate(
        self,
        kind: TaskKind,  # noqa: ARG002 - this and the following: the port's
        parameters: Parameters,  # noqa: ARG002
        directory: Path,  # noqa: ARG002
        progress: Progress,  # noqa: ARG002
    ) -> Product:
        """Returns at once."""
        return Product((), {})

    async def close(self) -> None:
        """Has nothing to close."""


def bare_app(broker_url: str) -> Celery:
    """Celery as its first tutorial has it: a broker, a result backend, and its own defaults."""
    app = Celery("bare", broker=broker_url, backend=broker_url, set_as_current=False)
    app.conf.task_default_queue = "bare"
    app.task(name=NOTHING)(_nothing)
    return app


def _nothing() -> None:
    return None


def main() -> None:
    """Works until SIGTERM."""
    which, broker_url = sys.argv[1:]
    if which == "ours":
        settings = load(TaskSettings)
        logs.configure(settings.log_level, settings.log_format)
        run_worker(settings, lambda _: Nothing())
    else:
        quiet = ["--without-gossip", "--without-mingle", "--loglevel=WARNING"]
        bare_app(broker_url).worker_main(["--quiet", "worker", f"--concurrency={PROCESSES}", *quiet])


if __name__ == "__main__":
    main()
