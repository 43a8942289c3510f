"""What each kind of task may be asked for: names, types, bounds and defaults.

A request is checked before anything is queued. What comes out is complete: it names every parameter, the
seed among them, so that the same parameters make the same bytes.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from task_svc.art.parameters import art
from task_svc.cymatics.parameters import cymatic
from task_svc.fields import storable, wrong
from task_svc.model import MAX_PARAMETERS_BYTES, Parameters, TaskKind
from task_svc.music.parameters import music

__all__ = ["canonical_json", "completed", "normalised_json", "storable"]

_KINDS: Final[Mapping[TaskKind, Callable[[Mapping[str, Any]], Parameters]]] = {
    TaskKind.ART: art,
    TaskKind.CYMATIC: cymatic,
    TaskKind.MUSIC: music,
}


def completed(kind: TaskKind, parameters_json: str) -> Parameters:
    """Returns the checked parameters with their defaults; the same request is completed in the same way.

    Raises:
        InvalidParameters: A parameter is unknown, of the wrong type or out of bounds.
    """
    return _KINDS[kind](_object(parameters_json))


def canonical_json(parameters: Parameters) -> str:
    """Returns parameters as JSON text, the same text for the same parameters."""
    return json.dumps(parameters, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def normalised_json(parameters_json: str) -> str:
    """Returns a request's JSON in one spelling; raises InvalidParameters when it is no object."""
    return canonical_json(_object(parameters_json))


def _object(parameters_json: str) -> dict[str, Any]:
    if len(parameters_json.encode(errors="surrogatepass")) > MAX_PARAMETERS_BYTES:
        raise wrong("parameters", "are too long", f"they may have {MAX_PARAMETERS_BYTES} bytes")
    try:
        parsed = json.loads(parameters_json or "{}")
    except (ValueError, RecursionError):
        raise wrong("parameters", "are no valid JSON", "they must be a JSON object") from None
    if not isinstance(parsed, dict):
        raise wrong("parameters", "are no JSON object", "they must be one, such as {}")
    return parsed
