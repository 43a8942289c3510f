"""Errors as RFC 9457 problem+json, below /v1 as OpenAI's object, and the one table of their HTTP statuses.

A problem has `type` (a URN of the reason), `title`, `status`, `detail` (a sentence for the person), `reason`
(the word of mcai.errors.v1.Reason), `request_id` and, for older clients, `error` with the sentence again.

OpenAI's clients repeat a request on 408, 409, 429 and 5xx unless `x-should-retry` says no, and wait for
`retry-after-ms` or `Retry-After`: https://github.com/openai/openai-python (`_should_retry`).
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from servicekit import errors, logs

MEDIA_TYPE: Final = "application/problem+json"
OPENAI_PREFIX: Final = "/v1/"
MAX_HEADER_BYTES: Final = 32 * 1024

_log = logs.get_logger(__name__)


class BodyTooLarge(errors.InvalidArgument):
    """The request's body, or a line of it, is longer than the gateway takes."""


class AddressTooLong(errors.InvalidArgument):
    """The request's path and query are longer than the gateway takes."""


class HeadersTooLarge(errors.InvalidArgument):
    """The request's headers are larger than the gateway takes."""


class Unprocessable(errors.InvalidArgument):
    """A field has a value of the right type that is none of those to choose from; the message lists them."""


class UnsupportedMediaType(errors.InvalidArgument):
    """The request's body is of a type that the route does not read."""


class KeyReused(errors.InvalidArgument):
    """The idempotency key was used before, with another request."""


class StillRunning(errors.Conflict):
    """The first request with this idempotency key has not ended yet."""

    permanent = False


class RateExceeded(errors.LimitExceeded):
    """More requests than the key or the address has tokens for."""


class Overloaded(errors.Unavailable):
    """The gateway has as much to do as it can do in time, so this was not begun."""


class BodyTooSlow(errors.DeadlineExceeded):
    """The request's body did not arrive in time."""


STATUSES: Final[Mapping[type[errors.ServiceError], int]] = {
    errors.InvalidArgument: 400,
    BodyTooLarge: 413,
    AddressTooLong: 414,
    HeadersTooLarge: 431,
    UnsupportedMediaType: 415,
    Unprocessable: 422,
    KeyReused: 422,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Conflict: 409,
    errors.FailedPrecondition: 409,
    errors.OutOfRange: 416,
    errors.Unauthenticated: 401,
    errors.PermissionDenied: 403,
    errors.LimitExceeded: 429,
    errors.NotYetImplemented: 501,
    errors.Unavailable: 503,
    errors.DeadlineExceeded: 504,
    BodyTooSlow: 408,
    errors.DataLoss: 500,
    errors.Internal: 500,
    errors.ServiceError: 500,
}

# When nobody knows when the peer returns: it is probed every half second, and back within a few.
DEFAULT_RETRY_SECONDS: Final = 2.0
_SERVER_FAULT: Final = 500
_OPENAI_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_OPENAI_CODES: Final[Mapping[int, str]] = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


class Problem(msgspec.Struct, omit_defaults=True):
    """The body of every error outside of /v1."""

    type: str
    title: str
    status: int
    detail: str
    error: str
    reason: str
    request_id: str | None = None
    metadata: dict[str, str] = {}


class ErrorDetail(msgspec.Struct):
    """What OpenAI's clients read of an error, and the request's id."""

    message: str
    type: str
    param: str | None
    code: str
    request_id: str | None = None


class ErrorBody(msgspec.Struct):
    """The body of every error below /v1."""

    error: ErrorDetail


def phrase(status: int) -> str:
    """Returns the name of an HTTP status, such as "Not Found"."""
    return HTTPStatus(status).phrase


def status_of(error: errors.ServiceError) -> int:
    """Returns the HTTP status of an error: that of the nearest class of its kind in the table."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: errors.ServiceError) -> Problem:
    """Returns the problem that tells an error."""
    return _problem(status_of(error), error.message, error.reason, error.metadata)


def error_body_of(error: errors.ServiceError) -> ErrorBody:
    """Returns the error as OpenAI's clients know it."""
    return _error_body(problem_of(error))


def response_of(error: errors.ServiceError, path: str = "") -> Response:
    """Returns the answer that tells a client of `path` an error, with Retry-After where that makes sense."""
    headers: dict[str, str] = {}
    status = status_of(error)
    seconds = error.retry_after_seconds
    if seconds is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        seconds = DEFAULT_RETRY_SECONDS
    if seconds is not None:
        headers["retry-after"] = str(max(1, math.ceil(seconds)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="mcai"'
    if path.startswith(OPENAI_PREFIX):
        if seconds is not None:
            headers["retry-after-ms"] = str(max(1, math.ceil(1000 * seconds)))
        worthwhile = seconds is not None or (status >= _SERVER_FAULT and not error.permanent)
        headers["x-should-retry"] = str(worthwhile).lower()
    return _response(problem_of(error), headers, path)


def install(app: FastAPI) -> None:
    """Makes the application answer every exception as a problem."""
    app.add_exception_handler(errors.ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


def told(error: errors.ServiceError, path: str) -> Response:
    """Returns the answer to an error that a route has raised; a fault of ours is logged."""
    if status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("failed", error=error.message, reason=error.reason)
    return response_of(error, path)


def unexpected(error: BaseException, path: str = "") -> Response:
    """Returns the answer to a fault of ours; the log has the details under the request id."""
    _log.error("unexpected", error=repr(error), exc_info=error)
    return response_of(errors.Internal("Something went wrong here; the log has the details."), path)


async def _service_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.ServiceError):
        return unexpected(error, request.url.path)
    return told(error, request.url.path)


async def _validation_error(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = " ".join(_sentence(fault) for fault in faults) or "The request is malformed."
    fields = {str(fault["loc"][-1]) for fault in faults if fault["loc"]}
    named = {"field": ", ".join(sorted(fields))}
    return response_of(errors.InvalidArgument(detail, metadata=named), request.url.path)


async def _http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return unexpected(error, request.url.path)
    detail = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path[:200]!r}.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method[:20]} is not possible here.",
    }.get(HTTPStatus(error.status_code), f"{error.detail}")
    reason = "NOT_FOUND" if error.status_code == HTTPStatus.NOT_FOUND else "INVALID_ARGUMENT"
    problem = _problem(error.status_code, detail, reason, {})
    return _response(problem, dict(error.headers or {}), request.url.path)


def _sentence(fault: Mapping[str, Any]) -> str:
    where, name = str(fault["loc"][0]), str(fault["loc"][-1])
    message = str(fault["msg"])
    return f"{where} parameter {name!r}: {message[:1].lower()}{message[1:]}."


def _problem(status: int, detail: str, reason: str, metadata: Mapping[str, str]) -> Problem:
    slug = reason.lower().replace("_", "-")
    return Problem(
        type=f"urn:mcai:error:{slug}",
        title=phrase(status),
        status=status,
        detail=detail,
        error=detail,
        reason=reason,
        request_id=logs.request_id(),
        metadata=dict(metadata),
    )


def _error_body(problem: Problem) -> ErrorBody:
    kind = _OPENAI_TYPES.get(problem.status)
    if kind is None:
        kind = "server_error" if problem.status >= _SERVER_FAULT else "invalid_request_error"
    code = _OPENAI_CODES.get(problem.status, problem.metadata.get("code") or problem.reason.lower())
    return ErrorBody(
        ErrorDetail(problem.detail, kind, problem.metadata.get("field"), code, problem.request_id)
    )


def _response(problem: Problem, headers: dict[str, str], path: str) -> Response:
    if path.startswith(OPENAI_PREFIX):
        return Response(
            msgspec.json.encode(_error_body(problem)), problem.status, headers, "application/json"
        )
    return Response(msgspec.json.encode(problem), problem.status, headers, MEDIA_TYPE)
