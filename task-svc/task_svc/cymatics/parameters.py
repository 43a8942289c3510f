"""What a cymatic task may be asked for."""

from collections.abc import Mapping
from typing import Any, Final

from task_svc import fields
from task_svc.catalogue import LOWEST_AUDIBLE_HZ, audible_hz, emotions
from task_svc.model import Parameters

PLATES: Final = ("circular", "square", "rectangular")
PALETTES: Final = ("sand", "ocean", "ember", "aurora", "ink")
DEFAULT_FREQUENCY_HZ: Final = 432.0
HIGHEST_HZ: Final = 20_000.0
DEFAULT_SEED: Final = 1
ASPECT_RATIO: Final = (0.4, 2.5)
# The golden ratio: its square roots of sums of squares fall together least, so that figures differ most.
DEFAULT_ASPECT_RATIO: Final = 1.618
MOST_ANIMATED_PIXELS: Final = 512

_KNOWN: Final = (
    "frequency_hz",
    "emotion",
    "plate",
    "aspect_ratio",
    "size_pixels",
    "seed",
    "palette",
    "animated",
    "prompt",
)


def cymatic(given: Mapping[str, Any]) -> Parameters:
    """Returns the complete parameters; raises InvalidParameters."""
    fields.only(given, _KNOWN)
    frequency_hz, octaves = _frequency(given)
    complete: dict[str, Any] = {
        "frequency_hz": frequency_hz,
        "plate": fields.choice(given, "plate", PLATES, PLATES[0]),
        "size_pixels": fields.size_pixels(given),
        "seed": fields.integer(given, "seed", 0, fields.MAX_SEED, DEFAULT_SEED),
        "palette": fields.choice(given, "palette", PALETTES, PALETTES[0]),
        "animated": fields.boolean(given, "animated"),
        "prompt": fields.prompt(given),
    }
    if complete["plate"] == "rectangular":
        ratio = fields.number(given, "aspect_ratio", *ASPECT_RATIO, DEFAULT_ASPECT_RATIO)
        complete |= {"aspect_ratio": ratio}
    elif "aspect_ratio" in given:
        raise fields.wrong(
            "aspect_ratio", "stands without a rectangular plate", 'give "plate": "rectangular"'
        )
    if "emotion" in given:
        complete |= {"emotion": given["emotion"], "octaves_raised": octaves}
    return complete


def _frequency(given: Mapping[str, Any]) -> tuple[float, int]:
    if "emotion" in given and "frequency_hz" in given:
        raise fields.wrong("emotion", "stands beside frequency_hz", "give one of the two")
    if "emotion" in given:
        return audible_hz(fields.choice(given, "emotion", emotions(), ""))
    return fields.number(given, "frequency_hz", LOWEST_AUDIBLE_HZ, HIGHEST_HZ, DEFAULT_FREQUENCY_HZ), 0
