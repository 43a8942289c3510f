"""What each kind of task may be asked for: names, types, bounds and defaults.

A request is checked before anything is queued. What comes out is complete: it names every parameter, the
seed among them, so that the same parameters make the same bytes.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from task_svc.catalogue import LOWEST_AUDIBLE_HZ, audible_hz, emotions
from task_svc.errors import InvalidParameters, NotYetImplemented
from task_svc.model import MAX_PARAMETERS_BYTES, Parameters, TaskKind

PLATES: Final = ("circular", "square")
PALETTES: Final = ("sand", "ocean", "ember", "aurora", "ink")
DEFAULT_FREQUENCY_HZ: Final = 432.0
HIGHEST_HZ: Final = 20_000.0
SIZES: Final = (64, 2048)
DEFAULT_SIZE: Final = 1024
DEFAULT_SEED: Final = 1
MAX_SEED: Final = 2**53 - 1
MAX_PROMPT_CHARACTERS: Final = 2_000
_SHOWN_CHARACTERS: Final = 40

_CYMATIC: Final = ("frequency_hz", "emotion", "plate", "size_pixels", "seed", "palette", "prompt")


def completed(kind: TaskKind, parameters_json: str) -> Parameters:
    """Returns the checked parameters with their defaults; the same request is completed in the same way.

    Raises:
        InvalidParameters: A parameter is unknown, of the wrong type or out of bounds.
        NotYetImplemented: The kind is none that this version makes.
    """
    given = _object(parameters_json)
    if kind is TaskKind.CYMATIC:
        return _cymatic(given)
    raise NotYetImplemented(
        f"Tasks of the kind {kind.value!r} are not made by this version yet; 'cymatic' is.",
        metadata={"field": "kind"},
    )


def canonical_json(parameters: Parameters) -> str:
    """Returns parameters as JSON text, the same text for the same parameters."""
    return json.dumps(parameters, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def normalised_json(parameters_json: str) -> str:
    """Returns a request's JSON in one spelling; raises InvalidParameters when it is no object."""
    return canonical_json(_object(parameters_json))


def _cymatic(given: dict[str, Any]) -> Parameters:
    for name in given:
        if name not in _CYMATIC:
            raise _wrong(name, "is not known", f"the parameters are {', '.join(_CYMATIC)}")
    frequency_hz, octaves = _frequency(given)
    complete = {
        "frequency_hz": frequency_hz,
        "plate": _choice(given, "plate", PLATES),
        "size_pixels": _integer(given, "size_pixels", SIZES[0], SIZES[1], DEFAULT_SIZE),
        "seed": _integer(given, "seed", 0, MAX_SEED, DEFAULT_SEED),
        "palette": _choice(given, "palette", PALETTES),
        "prompt": _text(given, "prompt", MAX_PROMPT_CHARACTERS),
    }
    if "emotion" in given:
        complete |= {"emotion": given["emotion"], "octaves_raised": octaves}
    return complete


def _frequency(given: dict[str, Any]) -> tuple[float, int]:
    if "emotion" in given and "frequency_hz" in given:
        raise _wrong("emotion", "stands beside frequency_hz", "give one of the two")
    if "emotion" in given:
        return audible_hz(_choice(given, "emotion", emotions()))
    value = given.get("frequency_hz", DEFAULT_FREQUENCY_HZ)
    allowed = f"a number from {LOWEST_AUDIBLE_HZ:g} to {HIGHEST_HZ:g}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not LOWEST_AUDIBLE_HZ <= value <= HIGHEST_HZ:
        raise _wrong("frequency_hz", f"is {_shown(value)}", f"it must be {allowed}")
    return float(value), 0


def _choice(given: dict[str, Any], name: str, allowed: Iterable[str]) -> str:
    choices = list(allowed)
    value = given.get(name, choices[0])
    if not isinstance(value, str) or value not in choices:
        raise _wrong(name, f"is {_shown(value)}", f"it must be one of {', '.join(choices)}")
    return value


def _integer(given: dict[str, Any], name: str, low: int, high: int, default: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _wrong(name, f"is {_shown(value)}", f"it must be a whole number from {low} to {high}")
    return value


def _text(given: dict[str, Any], name: str, most: int) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > most or not storable(value):
        raise _wrong(name, "cannot be used", f"it must be a text of at most {most} characters, without NUL")
    return value


def _object(parameters_json: str) -> dict[str, Any]:
    if len(parameters_json.encode(errors="surrogatepass")) > MAX_PARAMETERS_BYTES:
        raise _wrong("parameters", "are too long", f"they may have {MAX_PARAMETERS_BYTES} bytes")
    try:
        parsed = json.loads(parameters_json or "{}")
    except (ValueError, RecursionError):
        raise _wrong("parameters", "are no valid JSON", "they must be a JSON object") from None
    if not isinstance(parsed, dict):
        raise _wrong("parameters", "are no JSON object", "they must be one, such as {}")
    return parsed


def storable(text: str) -> bool:
    """Whether both stores can keep a text: no NUL, and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def _wrong(name: str, what: str, allowed: str) -> InvalidParameters:
    shown = name if len(name) <= _SHOWN_CHARACTERS else f"{name[: _SHOWN_CHARACTERS - 3]}..."
    readable = shown.encode("ascii", "backslashreplace").decode()
    verb = "The parameters" if name == "parameters" else f"The parameter {readable!r}"
    return InvalidParameters(f"{verb} {what}; {allowed}.", metadata={"field": readable})
