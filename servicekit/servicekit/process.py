"""The life of a process: start, wait for SIGTERM or SIGINT, drain, exit 0.

A fault of the configuration is one sentence on stderr and exit code 2. A second signal ends the process
at once, without waiting for the drain.
"""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry

from servicekit import logs, spans
from servicekit.claims import claimed_directory
from servicekit.errors import ConfigurationError
from servicekit.settings import ServiceSettings, load

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

Running = AbstractAsyncContextManager[Any]

EXIT_CONFIGURATION: Final = 2
EXIT_FORCED: Final = 1
_SETTLE_SECONDS: Final = 0.5


def serve(running: Running | Callable[[], Running]) -> None:
    """Enters `running`, waits for SIGTERM or SIGINT, and leaves it again; then the process may end.

    Args:
        running: The async context manager that is the process, or a function that makes it. A function
            may also load the settings: a ConfigurationError in it is told in the same way.
    """
    _allow_many_files()
    try:
        asyncio.run(_serve(running))
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the sentence is for the person at the terminal
        sys.exit(EXIT_CONFIGURATION)


def run_service(
    settings_type: type[SettingsT], running: Callable[[SettingsT, CollectorRegistry], Running]
) -> None:
    """Is the whole main function of a service: loads the settings, sets the logs up, and serves.

    The process works in a folder of its own below `data_dir`, since replicas may share the volume.
    """

    def start() -> Running:
        settings = load(settings_type)
        logs.configure(settings.log_level, settings.log_format)
        spans.configure(settings.otlp_endpoint, settings_type.__name__.removesuffix("Settings").lower())
        return _in_claimed_directory(settings, running)

    serve(start)


@asynccontextmanager
async def _in_claimed_directory(
    settings: SettingsT, running: Callable[[SettingsT, CollectorRegistry], Running]
) -> AsyncIterator[None]:
    with claimed_directory(settings.data_dir) as directory:
        async with running(settings.model_copy(update={"data_dir": directory}), CollectorRegistry()):
            yield


def _allow_many_files() -> None:
    """Raises the soft limit of open files to the hard one: its usual 1,024 is fewer than our connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_signal() -> asyncio.Event:
    """Returns the event that SIGTERM or SIGINT sets; a second signal ends the process at once.

    Call it in the running loop, before anything that takes time.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(EXIT_FORCED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stop


async def _serve(running: Running | Callable[[], Running]) -> None:
    stop = stop_signal()
    async with running if isinstance(running, AbstractAsyncContextManager) else running():
        await stop.wait()
    await _settle()


async def _settle() -> None:
    """Lets the last tasks end by themselves.

    gRPC ends the tasks of its calls a moment after its server has stopped; those that are cancelled at
    exit instead log a traceback.
    """
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    if rest:
        await asyncio.wait(rest, timeout=_SETTLE_SECONDS)
