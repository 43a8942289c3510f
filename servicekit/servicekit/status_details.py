"""The google.rpc details of a failed call: what travels in `grpc-status-details-bin`.

A `google.rpc.Status` holds an `ErrorInfo` (reason, domain, metadata) and, where the caller may come
back, a `RetryInfo`. See AIP-193 for what each part is for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # it ships no stubs

DOMAIN = "mcai"
METADATA_KEY = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Details:
    """The machine-readable part of a failure.

    Attributes:
        reason: A word of `mcai.errors.v1.Reason` without its prefix, such as "NOT_FOUND".
        metadata: Bounded facts about the failure, such as the name of the field at fault.
        retry_after_seconds: When the caller may come back; None if nobody knows.
    """

    reason: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None


def encode(code: int, message: str, details: Details) -> bytes:
    """Returns the serialised `google.rpc.Status` of a failure; `code` is the number of the gRPC status."""
    status = status_pb2.Status(code=code, message=message)
    info = error_details_pb2.ErrorInfo(reason=details.reason, domain=DOMAIN, metadata=dict(details.metadata))
    status.details.append(_packed(info))
    if details.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(details.retry_after_seconds * 1e9))
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    serialised: bytes = status.SerializeToString()
    return serialised


def decode(metadata: Iterable[tuple[str, str | bytes]] | None) -> Details | None:
    """Returns the details in a call's trailing metadata, or None if a server of ours did not write them."""
    for key, value in metadata or ():
        if key == METADATA_KEY and isinstance(value, bytes):
            return _decode_status(value)
    return None


def _decode_status(value: bytes) -> Details | None:
    try:
        status = status_pb2.Status.FromString(value)
    except DecodeError:
        return None
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    retry_after_seconds: float | None = None
    for detail in status.details:
        if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) and detail.Unpack(retry):
            retry_after_seconds = retry.retry_delay.ToNanoseconds() / 1e9
        elif detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
    if info.domain != DOMAIN:
        return None
    return Details(info.reason, dict(info.metadata), retry_after_seconds)


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
