"""The Celery worker: `mcai-task-worker`. Scale it by starting more of them."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from billiard import active_children
from celery import signals

from servicekit import logs
from servicekit.errors import ConfigurationError
from servicekit.process import EXIT_CONFIGURATION
from servicekit.settings import load
from task_svc import assembly
from task_svc.celery_app import make_app
from task_svc.celery_consumer import PersistentConsumer
from task_svc.celery_control import BriefControl
from task_svc.celery_heartbeat import Heartbeat
from task_svc.jobs import Drain, Jobs, register
from task_svc.model import TaskKind
from task_svc.ports import Generator
from task_svc.processes import ProcessGenerator
from task_svc.settings import TaskSettings

# A worker waits for the broker longer than the service: it has nothing else to do.
_BROKER_SECONDS: Final = 2.0
# The heavy work is done in processes of the generator, which are renewed more often.
_TASKS_PER_PROCESS: Final = 1_000
# Celery's own end asks the broker, and may wait for one that is away for ever.
_LAST_SECONDS: Final = 10.0

_log = logs.get_logger(__name__)


def run_worker(settings: TaskSettings, generator: Callable[[TaskSettings], Generator]) -> None:
    """Work until SIGTERM; raises ConfigurationError when it cannot start.

    After SIGTERM, what does not end within the drain time is given back to the queue. `generator` is called
    in each of the worker's processes.
    """
    if settings.broker_url is None or settings.database_url is None:
        raise ConfigurationError(
            "A worker needs a broker and a database; set MCAI_BROKER_URL and MCAI_DATABASE_URL."
        )
    queues = _queues(settings.worker_queues)
    # A place that cannot be is told now, and not by the first task.
    assembly.artifact_store(settings)
    app = make_app(settings.broker_url, _BROKER_SECONDS)
    app.conf.update(
        worker_hijack_root_logger=False,
        worker_max_tasks_per_child=_TASKS_PER_PROCESS,
        worker_consumer=PersistentConsumer,
    )
    app.control_cls = BriefControl
    app.steps["worker"].add(Heartbeat)
    drain = Drain(settings.drain_seconds)

    def on_shutdown(**_: Any) -> None:
        drain.begin()
        last = threading.Timer(settings.drain_seconds + _LAST_SECONDS, _end)
        last.daemon = True
        last.start()

    # Celery keeps a weak reference: the function lives as long as this frame, which is the worker's life.
    signals.worker_shutting_down.connect(on_shutdown)

    def made() -> Generator:
        return generator(settings)

    register(app, Jobs(settings, settings.database_url, made, drain, _jitter, time.time))
    app.worker_main(
        [
            # No banner: what is printed is the log.
            "--quiet",
            "worker",
            "--pool=prefork",
            f"--concurrency={settings.worker_processes}",
            f"--queues={','.join(queues)}",
            f"--loglevel={settings.log_level}",
            # Workers do not need to know of each other, which makes them start two seconds sooner.
            "--without-gossip",
            "--without-mingle",
        ]
    )


def _end() -> None:
    """Ends the worker that has not ended by itself; its tasks were given back, or are found to be lost."""
    _log.warning("the end took too long and is made short")
    for child in active_children():
        # The children of billiard have no kill().
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
    os._exit(0)


def process_generator(settings: TaskSettings) -> Generator:
    """Returns what makes a worker's tasks: a process of its own beside each of the worker's."""
    return ProcessGenerator(1, settings.local_pool_idle_seconds)


def _queues(named: str) -> list[str]:
    kinds = [kind.value for kind in TaskKind]
    queues = [name.strip() for name in named.split(",")]
    if not set(queues) <= set(kinds):
        raise ConfigurationError(f"MCAI_WORKER_QUEUES is {named!r}; it must be some of {', '.join(kinds)}.")
    return queues


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - it spreads retries, it guards nothing


def main() -> None:
    """Load the settings and work."""
    try:
        settings = load(TaskSettings)
        logs.configure(settings.log_level, settings.log_format)
        run_worker(settings, process_generator)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the sentence is for the person at the terminal
        sys.exit(EXIT_CONFIGURATION)


if __name__ == "__main__":
    main()
