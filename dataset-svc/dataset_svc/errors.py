"""Errors of the bank.

ServiceError
├── NotFound
│   ├── DatasetNotFound
│   ├── ExampleNotFound
│   ├── ConversationNotFound
│   └── KeyNotFound
├── AlreadyExists
│   ├── DatasetExists
│   ├── ExampleExists
│   └── KeyExists
├── FailedPrecondition
│   ├── DatasetNotEmpty
│   └── ImportGap
├── InvalidArgument
│   └── InvalidExample
├── OutOfRange
│   └── ResyncRequired
├── DataLoss
│   └── IndexDamaged
└── Unavailable
    └── StoreUnavailable
"""

from typing import ClassVar

from servicekit.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    OutOfRange,
    StoreUnavailable,
)

__all__ = [
    "ConversationNotFound",
    "DatasetExists",
    "DatasetNotEmpty",
    "DatasetNotFound",
    "ExampleExists",
    "ExampleNotFound",
    "ImportGap",
    "IndexDamaged",
    "InvalidExample",
    "KeyExists",
    "KeyNotFound",
    "ResyncRequired",
    "StoreUnavailable",
]


class DatasetNotFound(NotFound):
    """There is no dataset of that name."""


class ExampleNotFound(NotFound):
    """There is no example of that id."""


class ConversationNotFound(NotFound):
    """There is no conversation of that id for that user."""


class DatasetExists(AlreadyExists):
    """A dataset of that name exists already."""


class ExampleExists(AlreadyExists):
    """Another example of the domain has the same content."""


class DatasetNotEmpty(FailedPrecondition):
    """The dataset has examples, and its deletion was not forced."""


class ImportGap(FailedPrecondition):
    """A stream of an import begins beyond the rows that are settled."""


class InvalidExample(InvalidArgument):
    """The example breaks a rule of the model; the message names it."""


class ResyncRequired(OutOfRange):
    """The change feed no longer holds what follows the reader's position; it must take a snapshot."""

    reason: ClassVar[str] = "RESYNC_REQUIRED"


class IndexDamaged(DataLoss):
    """The replica's index on disk cannot be read or is of another version; it is rebuilt from the bank."""


class KeyNotFound(NotFound):
    """There is no key of that id."""


class KeyExists(AlreadyExists):
    """There is another key with the same secret."""
