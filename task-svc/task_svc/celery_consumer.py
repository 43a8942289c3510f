"""Celery's consumer with another patience: it looks for a lost broker once a second, for ever.

It also lets go of a connection on which something could not be told.
"""

from typing import Any, Final

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from servicekit.logs import get_logger
from task_svc.celery_heartbeat import beat

_log = get_logger(__name__)

_RETRY_SECONDS: Final = 1.0


class PersistentConsumer(Consumer):  # type: ignore[misc]  # celery has no types
    """Celery's own waits two seconds longer each time, up to half a minute after the broker's return."""

    def ensure_connected(self, conn: Any) -> Any:
        """Returns the connection once it is there."""
        told = False

        def on_error(error: Exception, _interval: float) -> None:
            nonlocal told
            if not told:
                _log.warning("the broker does not answer", error=type(error).__name__)
            told = True

        connected = conn.ensure_connection(
            on_error,
            None,
            interval_start=_RETRY_SECONDS,
            interval_step=0,
            interval_max=_RETRY_SECONDS,
            callback=self._between_tries,
        )
        self.first_connection_attempt = False
        return connected

    def call_soon_ack(self, p: Any, logger: Any, errors: Any, *rest: Any) -> Any:
        """Has a message acknowledged by its method `p`; a failure ends the connection, and a new one is made.

        Celery's own logs it and goes on. The message would then count as being worked on for as long as the
        connection lives, and a worker with one process would never be given another.
        """
        consumer = self.task_consumer
        if consumer is not None and p.__self__.channel is consumer.channel:
            errors = ()
        return super().call_soon_ack(p, logger, errors, *rest)

    def _between_tries(self) -> None:
        # A worker that waits for its broker is well.
        beat()
        maybe_shutdown()
