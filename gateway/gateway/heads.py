"""A request's headers, looked up: all who surround a request ask for some, and each would search the list."""

from collections.abc import Iterable
from typing import Final

from starlette.types import Scope

ARRIVED: Final = "mcai.arrived"
"""In the scope of a request whose body is there already."""

_BY_NAME: Final = "mcai.headers_by_name"


def header(scope: Scope, name: bytes, absent: str = "") -> str:
    """Returns the first header of that name, which is in lower case, or `absent`."""
    value = _headers(scope).get(name)
    return absent if value is None else value.decode("latin-1")


def has_any(scope: Scope, names: Iterable[bytes]) -> bool:
    """Says whether there is a header of one of these names, if only an empty one."""
    return not _headers(scope).keys().isdisjoint(names)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] | None = scope.get(_BY_NAME)
    if found is None:
        found = scope[_BY_NAME] = dict(reversed(scope["headers"]))
    return found
