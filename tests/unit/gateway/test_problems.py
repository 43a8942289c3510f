"""Every error has one HTTP status, and reads as a sentence."""

import inspect

import msgspec
import pytest

from gateway import problems
from servicekit import errors

ALL = [
    kind
    for module in (errors, problems)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, errors.ServiceError)
]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_status_of_its_kind(kind: type[errors.ServiceError]) -> None:
    status = problems.status_of(kind("It is so."))

    assert 400 <= status <= 599
    assert (status >= 500) == (not _is_the_callers(kind))


def _is_the_callers(kind: type[errors.ServiceError]) -> bool:
    mine = (
        errors.Unavailable,
        errors.DeadlineExceeded,
        errors.DataLoss,
        errors.Internal,
        errors.NotYetImplemented,
    )
    return (not issubclass(kind, mine) and kind is not errors.ServiceError) or kind is problems.BodyTooSlow


def test_a_problem_tells_everything_once() -> None:
    response = problems.response_of(errors.NotFound("There is no such thing.", metadata={"field": "id"}))

    assert response.status_code == 404
    assert response.media_type == "application/problem+json"
    assert msgspec.json.decode(response.body) == {
        "type": "urn:mcai:error:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no such thing.",
        "error": "There is no such thing.",
        "reason": "NOT_FOUND",
        "metadata": {"field": "id"},
    }
    assert "retry-after" not in response.headers


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.PeerUnavailable("Away."), "2"),
        (errors.PeerUnavailable("Away.", retry_after_seconds=0.1), "1"),
        (errors.LimitExceeded("Too many.", retry_after_seconds=7.2), "8"),
        (errors.LimitExceeded("Too many."), None),
    ],
)
def test_retry_after_is_whole_seconds_where_coming_back_makes_sense(
    error: errors.ServiceError, seconds: str | None
) -> None:
    assert problems.response_of(error).headers.get("retry-after") == seconds


def test_the_reason_that_a_peer_gave_is_kept() -> None:
    error = errors.PeerUnavailable("The store is away.", reason="STORE_UNAVAILABLE")

    assert problems.problem_of(error).reason == "STORE_UNAVAILABLE"
    assert problems.problem_of(error).type == "urn:mcai:error:store-unavailable"


def test_a_fault_of_ours_tells_nothing_of_the_inside() -> None:
    response = problems.unexpected(RuntimeError("password=hunter2"))

    assert response.status_code == 500
    assert b"hunter2" not in response.body
