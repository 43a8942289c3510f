"""Checks of single parameters: each returns the value or its default, or refuses it by name."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from task_svc.errors import InvalidParameters

MAX_SEED: Final = 2**53 - 1
MAX_PROMPT_CHARACTERS: Final = 2_000
SIZES: Final = (64, 2048)
DEFAULT_SIZE: Final = 1024
_SHOWN_CHARACTERS: Final = 40


def only(given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuses parameters that are not known."""
    names = list(known)
    for name in given:
        if name not in names:
            raise wrong(name, "is not known", f"the parameters are {', '.join(names)}")


def choice(given: Mapping[str, Any], name: str, allowed: Iterable[str], default: str) -> str:
    """Returns one of `allowed`; the refusal of another text lists them, also for programs."""
    choices = list(allowed)
    value = given.get(name, default)
    if isinstance(value, str) and value in choices:
        return value
    error = wrong(name, f"is {_shown(value)}", f"it must be one of {', '.join(choices)}")
    if isinstance(value, str):
        error.metadata["allowed"] = ", ".join(choices)
    raise error


def integer(given: Mapping[str, Any], name: str, low: int, high: int, default: int) -> int:
    """Returns a whole number from `low` to `high`."""
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise wrong(name, f"is {_shown(value)}", f"it must be a whole number from {low} to {high}")
    return value


def number(given: Mapping[str, Any], name: str, low: float, high: float, default: float) -> float:
    """Returns a number from `low` to `high`."""
    value = given.get(name, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise wrong(name, f"is {_shown(value)}", f"it must be a number from {low:g} to {high:g}")
    return float(value)


def boolean(given: Mapping[str, Any], name: str) -> bool:
    """Returns true or false, which is the default."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise wrong(name, f"is {_shown(value)}", "it must be true or false")
    return value


def text(given: Mapping[str, Any], name: str, most: int) -> str:
    """Returns a text that can be stored, of at most `most` characters; empty unless given."""
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > most or not storable(value):
        raise wrong(name, "cannot be used", f"it must be a text of at most {most} characters, without NUL")
    return value


def prompt(given: Mapping[str, Any]) -> str:
    """Returns the words that a maker starts from."""
    return text(given, "prompt", MAX_PROMPT_CHARACTERS)


def size_pixels(given: Mapping[str, Any]) -> int:
    """Returns the side of a square picture."""
    return integer(given, "size_pixels", *SIZES, DEFAULT_SIZE)


def storable(value: str) -> bool:
    """Whether both stores can keep a text: no NUL, and no half of a surrogate pair."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def wrong(name: str, what: str, allowed: str) -> InvalidParameters:
    """Returns the refusal of a parameter, in one sentence."""
    shown = name if len(name) <= _SHOWN_CHARACTERS else f"{name[: _SHOWN_CHARACTERS - 3]}..."
    readable = shown.encode("ascii", "backslashreplace").decode()
    verb = "The parameters" if name == "parameters" else f"The parameter {readable!r}"
    return InvalidParameters(f"{verb} {what}; {allowed}.", metadata={"field": readable})


def _shown(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=True)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[: _SHOWN_CHARACTERS - 3]}..."
