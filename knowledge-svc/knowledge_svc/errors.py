"""Errors of knowledge-svc.

ServiceError
├── InvalidArgument
│   ├── InvalidKey
│   └── InvalidEntry
└── Unavailable
    └── StoreUnavailable
        └── StoreRefused
"""

from servicekit.errors import AWAY, InvalidArgument, StoreUnavailable

__all__ = ["AWAY", "InvalidEntry", "InvalidKey", "StoreRefused", "StoreUnavailable"]


class InvalidKey(InvalidArgument):
    """A key breaks a rule of the model; the message names the field."""


class InvalidEntry(InvalidArgument):
    """An entry breaks a rule of the model; the message names the field."""


class StoreRefused(StoreUnavailable):
    """The store is there and answers, but will not do this, such as when it is full or read-only."""
