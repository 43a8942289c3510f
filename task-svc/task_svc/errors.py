"""Errors of tasks and artefacts.

ServiceError
├── NotFound
│   ├── TaskNotFound
│   └── ArtifactNotFound
├── Conflict
│   └── RequestConflict
├── InvalidArgument
│   └── InvalidParameters
├── LimitExceeded
│   └── QueueFull
├── DataLoss
│   └── ArtifactCorrupt
└── Unavailable
    ├── StoreUnavailable
    └── BrokerUnavailable

GeneratorFailed stays within the process: it says how an attempt ended.
"""

from typing import ClassVar, Final

from servicekit.errors import (
    AWAY,
    Conflict,
    DataLoss,
    InvalidArgument,
    LimitExceeded,
    NotFound,
    PeerUnavailable,
    StoreUnavailable,
)

__all__ = [
    "AWAY",
    "ArtifactCorrupt",
    "ArtifactNotFound",
    "BrokerUnavailable",
    "GeneratorFailed",
    "InvalidArgument",
    "InvalidParameters",
    "QueueFull",
    "RequestConflict",
    "StoreUnavailable",
    "TaskNotFound",
]


# A queue of that length takes minutes to empty, and seconds to admit the next one.
_QUEUE_FULL_RETRY_SECONDS: Final = 10.0


class TaskNotFound(NotFound):
    """There is no task of that id."""


class ArtifactNotFound(NotFound):
    """The task has no artefact of that name, or its file is gone."""


class RequestConflict(Conflict):
    """The same request id was used with another body."""


class InvalidParameters(InvalidArgument):
    """A parameter is unknown, of the wrong type or out of range; the message names it and what is allowed."""


class QueueFull(LimitExceeded):
    """As many tasks are queued as the service admits, in all or of this user."""

    def __init__(self, queued: int, *, of_user: bool) -> None:
        whose = "of yours " if of_user else ""
        super().__init__(
            f"{queued} tasks {whose}are queued already.", retry_after_seconds=_QUEUE_FULL_RETRY_SECONDS
        )


class ArtifactCorrupt(DataLoss):
    """The bytes on disk are not those that the task made."""


class BrokerUnavailable(PeerUnavailable):
    """The broker refused or did not answer in time; nothing was handed over, or perhaps twice."""

    reason: ClassVar[str] = "PEER_UNAVAILABLE"


class GeneratorFailed(Exception):  # noqa: N818 - it is an outcome, named like the state FAILED
    """An attempt ended without a product; `retryable` says whether another one may help."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
