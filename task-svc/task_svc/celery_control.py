"""Celery's remote control with another patience: an answer is sent once or not at all."""

from typing import Any

from celery.app.control import Control
from kombu.pidbox import Mailbox


class BriefMailbox(Mailbox):
    """Whoever asks waits less than a second; kombu's own tries for ever to answer, in the worker's main loop.

    A worker whose broker goes away in that moment would neither hear of its end (SIGTERM) nor make a new
    connection: that is what the loop does.
    """

    def _publish_reply(self, *args: Any, **options: Any) -> None:
        super()._publish_reply(  # type: ignore[no-untyped-call]  # kombu is typed in part
            *args, retry_policy={"max_retries": 0}, **options
        )


class BriefControl(Control):  # type: ignore[misc]  # celery has no types
    """The control of an application whose workers answer in brief."""

    Mailbox = BriefMailbox
