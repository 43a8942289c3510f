"""Tasks in plain data: what may be asked for, where a task stands, and which steps are legal.

Times are seconds since the epoch (UTC, float). A task's `attempts` is also its fencing number: whoever
claimed the row as attempt 3 can no longer write to it once somebody has claimed it as attempt 4.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeAlias

MAX_PARAMETERS_BYTES: Final = 16_384
MAX_REQUEST_ID_CHARACTERS: Final = 128
MAX_USER_ID_CHARACTERS: Final = 256
MAX_PRIORITY: Final = 9
DEFAULT_PRIORITY: Final = 5

Parameters: TypeAlias = Mapping[str, Any]
"""The completed parameters of a task: JSON scalars by name."""


class TaskKind(Enum):
    """What is to be made; the value is also the name of the queue."""

    ART = "art"
    MUSIC = "music"
    CYMATIC = "cymatic"


class TaskState(Enum):
    """Where a task stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT_STATES[self]


NEXT_STATES: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    TaskState.QUEUED: frozenset({TaskState.RUNNING, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset(
        {TaskState.QUEUED, TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}
    ),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.CANCELLED: frozenset(),
}
"""The legal steps; the stores' statements hold to them and a test walks all of them."""


class Durability(Enum):
    """How safely a submission is stored."""

    COMMITTED = "committed"
    JOURNALLED = "journalled"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a task made; its bytes are found by their SHA-256 (64 hexadecimal digits)."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work.

    `position` counts the queued tasks of its kind that go before it; `traceparent` is the trace (W3C) of the
    request that it was accepted for, or "".
    """

    id: str
    kind: TaskKind
    user_id: str
    parameters_json: str
    priority: int
    create_time: float
    update_time: float
    state: TaskState = TaskState.QUEUED
    progress_percent: float = 0.0
    stage: str = ""
    error: str = ""
    artifacts: tuple[Artifact, ...] = ()
    result_json: str = "{}"
    start_time: float | None = None
    end_time: float | None = None
    attempts: int = 0
    failures: int = 0
    worker: str = ""
    revision: int = 1
    position: int = 0
    body_hash: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: due tickets in the outbox, and for how long the oldest due task has (0.0: none has)."""

    tickets: int
    oldest_seconds: float


NO_BACKLOG: Final = Backlog(0, 0.0)


@dataclass(frozen=True, slots=True)
class History:
    """A task as it is, and as it was after each of its changes since a revision, oldest first.

    A sign of life has a revision too, but changes nothing that anybody would see.
    """

    present: Task
    changes: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submission; `created` is False when the same request had come before."""

    task: Task
    created: bool
    durability: Durability = Durability.COMMITTED


@dataclass(frozen=True, slots=True)
class Admission:
    """Most tasks that may wait: in all, and of one user; the callers without a name count as one user."""

    queued: int
    queued_of_user: int


UNBOUNDED: Final = Admission(2**31 - 1, 2**31 - 1)
"""For what was admitted before."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a queue carries: enough to route a task, and nothing that could go stale."""

    task_id: str
    kind: TaskKind
    priority: int


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; None and the empty string mean all."""

    user_id: str = ""
    state: TaskState | None = None
    kind: TaskKind | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended without a product, in one sentence, and whether another one may help."""

    reason: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that a generator has written to its scratch directory."""

    name: str
    media_type: str
    path: Path


@dataclass(frozen=True, slots=True)
class Product:
    """What a generator made: files, and figures for `result_json`."""

    files: tuple[MadeFile, ...]
    result: Mapping[str, Any] = field(default_factory=dict)


def task_id_of_request(user_id: str, request_id: str) -> str:
    """The task id that belongs to a user's request id, the same on every replica and in every journal.

    Because the id follows from the request, one replica may journal a request and another may commit it,
    and both have accepted the same task. It is a UUID of version 8 (RFC 9562: made by our own rule).
    """
    length = len(user_id.encode()).to_bytes(8, "big")
    digest = hashlib.sha256(length + user_id.encode() + request_id.encode()).digest()
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def body_hash(kind: TaskKind, parameters_json: str, priority: int) -> str:
    """SHA-256 of what a request asked for, to tell a repeated request from another one with its id."""
    return hashlib.sha256(f"{kind.value}\n{priority}\n{parameters_json}".encode()).hexdigest()
