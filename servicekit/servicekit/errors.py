# ruff: noqa: N818 - an error is named for the condition that it is, as gRPC names its codes
"""Errors of every service, each with the gRPC status and the reason that it travels as.

ServiceError
├── InvalidArgument      INVALID_ARGUMENT     a field is missing, too long or malformed
├── NotFound             NOT_FOUND
├── AlreadyExists        ALREADY_EXISTS
├── Conflict             ABORTED              the same request id with another body, or a stale etag
├── FailedPrecondition   FAILED_PRECONDITION
├── OutOfRange           OUT_OF_RANGE
├── Unauthenticated      UNAUTHENTICATED
├── PermissionDenied     PERMISSION_DENIED
├── LimitExceeded        RESOURCE_EXHAUSTED
├── NotYetImplemented    UNIMPLEMENTED
├── Unavailable          UNAVAILABLE          starting, draining or overloaded
│   ├── StoreUnavailable                      the store behind the service is away
│   ├── PeerUnavailable                       another service is away
│   └── BreakerOpen                           refused without being tried
├── DeadlineExceeded     DEADLINE_EXCEEDED
│   └── DeadlineTooShort                      refused: the work cannot end within the budget
├── DataLoss             DATA_LOSS
└── Internal             INTERNAL             a fault of ours; the log has the details

ConfigurationError stands apart: it is for the person who starts a process and never travels.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Final

import grpc

from servicekit import status_details


class ConfigurationError(Exception):
    """The process cannot start; the message is one sentence that says what to do."""


class ServiceError(Exception):
    """A failure that the caller is told about.

    Attributes:
        code: gRPC status of the class.
        reason: Word of `mcai.errors.v1.Reason` without its prefix.
        permanent: Whether the same call fails again however often it is repeated.
        message: One sentence for the caller; it holds no secrets and no internals.
        retry_after_seconds: When the caller may come back; None if nobody knows.
        metadata: Facts for programs, such as the name of the field at fault.
    """

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN
    reason: ClassVar[str] = "INTERNAL"
    permanent: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.metadata = dict(metadata or {})
        if reason is not None:
            # The reason that another service gave is kept on this one error, beside its class's own.
            vars(self)["reason"] = reason


class InvalidArgument(ServiceError):
    """A field is missing, too long or malformed; the message names it."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_ARGUMENT"
    permanent = True


class NotFound(ServiceError):
    """The named resource does not exist."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "NOT_FOUND"
    permanent = True


class AlreadyExists(ServiceError):
    """A resource of that name exists already."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "ALREADY_EXISTS"
    permanent = True


class Conflict(ServiceError):
    """The same request id was used with another body, or the etag is stale."""

    code = grpc.StatusCode.ABORTED
    reason = "CONFLICT"
    permanent = True


class FailedPrecondition(ServiceError):
    """The resource is in a state that does not admit the call."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FAILED_PRECONDITION"
    permanent = True


class OutOfRange(ServiceError):
    """The position asked for is no longer held, or not yet."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "INVALID_ARGUMENT"
    permanent = True


class Unauthenticated(ServiceError):
    """The caller's token is missing or wrong."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class PermissionDenied(ServiceError):
    """The caller may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"
    permanent = True


class LimitExceeded(ServiceError):
    """A bound on size, rate or queued work is reached."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "LIMIT_EXCEEDED"


class NotYetImplemented(ServiceError):
    """The contract names this call, and this version does not do it yet."""

    code = grpc.StatusCode.UNIMPLEMENTED
    reason = "NOT_YET_IMPLEMENTED"


class Unavailable(ServiceError):
    """The service is starting, draining or overloaded."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "UNAVAILABLE"


class StoreUnavailable(Unavailable):
    """The store behind the service is away, and this call has no fallback."""

    reason = "STORE_UNAVAILABLE"


class PeerUnavailable(Unavailable):
    """Another service is away."""

    reason = "PEER_UNAVAILABLE"


class BreakerOpen(Unavailable):
    """A circuit breaker is open, so the call was refused without being tried; the message names the peer."""

    reason = "BREAKER_OPEN"


class DeadlineExceeded(ServiceError):
    """The caller's budget is spent."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


class DeadlineTooShort(DeadlineExceeded):
    """The caller's budget is too small for the work, so it was not begun."""


class DataLoss(ServiceError):
    """Stored data failed its checksum."""

    code = grpc.StatusCode.DATA_LOSS
    reason = "DATA_LOSS"


class Internal(ServiceError):
    """A fault of ours; the log has the details under the request id."""

    code = grpc.StatusCode.INTERNAL
    reason = "INTERNAL"


AWAY: Final = (Unavailable, DeadlineExceeded)
"""What a fallback catches: the thing behind a port did not answer, or not in time."""

_BY_CODE: Final[Mapping[grpc.StatusCode, type[ServiceError]]] = {
    error.code: error
    for error in (
        InvalidArgument,
        NotFound,
        AlreadyExists,
        Conflict,
        FailedPrecondition,
        OutOfRange,
        Unauthenticated,
        PermissionDenied,
        LimitExceeded,
        NotYetImplemented,
        PeerUnavailable,
        DeadlineExceeded,
        DataLoss,
        Internal,
    )
}


@contextmanager
def translating(peer: str) -> Iterator[None]:
    """Turns the AioRpcError of a call to `peer` into the ServiceError that the peer meant.

    The message and the reason of a peer's own error are kept; of a failure on the way there only the
    status is told, because the transport's text holds addresses.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(peer, error) from error


def from_rpc_error(peer: str, error: grpc.aio.AioRpcError) -> ServiceError:
    """Returns the ServiceError that stands for a failed call to `peer`."""
    details = status_details.decode(error.trailing_metadata())
    if details is not None:
        kind = _BY_CODE.get(error.code(), Internal)
        return kind(
            error.details() or f"{peer} failed.",
            retry_after_seconds=details.retry_after_seconds,
            metadata=details.metadata,
            reason=details.reason,
        )
    if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
        return PeerUnavailable(f"{peer} does not answer.")
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(f"{peer} did not answer in time.")
    return _BY_CODE.get(error.code(), Internal)(f"{peer} failed with {error.code().name}.")
