"""A sign of life of the Celery worker: a file that its own timer touches, for a container's health check."""

from pathlib import Path
from typing import Any, Final

from celery import bootsteps

ALIVE_FILE: Final = Path("/tmp/mcai-worker-alive")  # noqa: S108 - a container's own /tmp, and an empty file
_INTERVAL_SECONDS: Final = 5.0


def beat() -> None:
    """Give a sign of life."""
    ALIVE_FILE.touch()


class Heartbeat(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Touches the file from the worker's main loop, so that a worker that hangs looks dead."""

    requires = {"celery.worker.components:Timer"}  # noqa: RUF012 - the name and kind that Celery reads

    def __init__(self, parent: Any, **_options: Any) -> None:
        self._entry: Any = None
        super().__init__(parent)

    def start(self, parent: Any) -> None:
        """Begin to touch."""
        beat()
        self._entry = parent.timer.call_repeatedly(_INTERVAL_SECONDS, beat)

    def stop(self, _parent: Any) -> None:
        """End it, and leave no sign."""
        if self._entry is not None:
            self._entry.cancel()
        ALIVE_FILE.unlink(missing_ok=True)
