from collections.abc import Iterator

import grpc
import pytest

from mcai.errors.v1 import errors_pb2
from servicekit import errors, status_details
from servicekit.errors import ServiceError, from_rpc_error, translating


def every_error() -> Iterator[type[ServiceError]]:
    waiting = [ServiceError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == errors.__name__:
            yield kind
        waiting.extend(kind.__subclasses__())


def rpc_error(
    code: grpc.StatusCode, details: status_details.Details | None, message: str = "No such example."
) -> grpc.aio.AioRpcError:
    trailers = grpc.aio.Metadata()
    if details is not None:
        trailers.add(status_details.METADATA_KEY, status_details.encode(code.value[0], message, details))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details=message)


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_reason_is_a_word_of_the_contract(kind: type[ServiceError]) -> None:
    assert f"REASON_{kind.reason}" in errors_pb2.Reason.keys()  # noqa: SIM118 - an enum wrapper is no dict


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree(kind: type[ServiceError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


def test_details_come_back_as_they_were_sent() -> None:
    details = status_details.Details("LIMIT_EXCEEDED", {"limit": "10"}, retry_after_seconds=1.25)

    packed = status_details.encode(8, "Too many.", details)

    assert status_details.decode([(status_details.METADATA_KEY, packed)]) == details


@pytest.mark.parametrize(
    "metadata", [None, [], [("x", "y")], [(status_details.METADATA_KEY, b"\xff\xff")]], ids=repr
)
def test_no_details_in_what_others_send(metadata: list[tuple[str, str | bytes]] | None) -> None:
    assert status_details.decode(metadata) is None


def test_a_peers_own_error_keeps_its_reason_its_message_and_its_retry_time() -> None:
    details = status_details.Details("RESYNC_REQUIRED", {"oldest": "17"}, retry_after_seconds=2.0)

    error = from_rpc_error(
        "dataset-svc", rpc_error(grpc.StatusCode.OUT_OF_RANGE, details, "Take a snapshot.")
    )

    assert type(error) is errors.OutOfRange
    assert (error.reason, error.message) == ("RESYNC_REQUIRED", "Take a snapshot.")
    assert (error.metadata, error.retry_after_seconds) == ({"oldest": "17"}, 2.0)
    assert errors.OutOfRange.reason == "INVALID_ARGUMENT", "the class keeps its own reason"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, errors.PeerUnavailable),
        (grpc.StatusCode.CANCELLED, errors.PeerUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (grpc.StatusCode.UNIMPLEMENTED, errors.NotYetImplemented),
        (grpc.StatusCode.UNKNOWN, errors.Internal),
    ],
)
def test_a_failure_on_the_way_names_the_peer_and_hides_the_address(
    code: grpc.StatusCode, kind: type[ServiceError]
) -> None:
    error = from_rpc_error("dataset-svc", rpc_error(code, None, "ipv4:10.0.0.7:50051: Connection refused"))

    assert type(error) is kind
    assert "dataset-svc" in error.message
    assert "10.0.0.7" not in error.message


def test_translating_keeps_the_cause_and_lets_other_errors_pass() -> None:
    with pytest.raises(errors.PeerUnavailable) as raised, translating("task-svc"):
        raise rpc_error(grpc.StatusCode.UNAVAILABLE, None)
    assert isinstance(raised.value.__cause__, grpc.aio.AioRpcError)

    with pytest.raises(KeyError), translating("task-svc"):
        raise KeyError


def test_what_a_fallback_catches_is_absence_only() -> None:
    assert issubclass(errors.BreakerOpen, errors.AWAY)
    assert issubclass(errors.DeadlineTooShort, errors.AWAY)
    assert not issubclass(errors.NotFound, errors.AWAY)
    assert not any(kind.permanent for kind in errors.AWAY)
