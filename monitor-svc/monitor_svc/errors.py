"""Errors of the monitor.

ServiceError
└── Unavailable
    ├── NotYetProbed
    └── StoreUnavailable
"""

from servicekit.errors import StoreUnavailable, Unavailable

__all__ = ["NotYetProbed", "StoreUnavailable"]


class NotYetProbed(Unavailable):
    """The first round of probes has not ended yet."""
