"""JSON texts to values, by the letter of RFC 8259."""

import json
from typing import Any

from mcai_cli.reading.values import MAX_DEPTH


class JsonError(ValueError):
    """The text is not valid JSON; the message says where."""


def parsed_json(text: str) -> Any:
    """The value of a JSON text; raises JsonError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        # Where this begins depends on the interpreter, and it is far beyond the bound of `values.excess`.
        raise JsonError(f"it is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise JsonError(str(error)) from None


def _no_constant(name: str) -> None:
    raise JsonError(f"{name} is not JSON")
