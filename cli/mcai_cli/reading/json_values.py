"""JSON texts to values, by the letter of RFC 8259."""

import json
from typing import Any


class JsonError(ValueError):
    """The text is not valid JSON; the message says where."""


def parsed_json(text: str) -> Any:
    """The value of a JSON text; raises JsonError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise JsonError("it is nested too deeply") from None
    except ValueError as error:
        raise JsonError(str(error)) from None


def _no_constant(name: str) -> None:
    raise JsonError(f"{name} is not JSON")
