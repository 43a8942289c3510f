"""The product's own catalogue of feelings and frequencies, in hertz.

It is this product's invention, kept for its users; it is not established neuroscience.
"""

from collections.abc import Mapping
from typing import Final

BRAIN_WAVES_HZ: Final[Mapping[str, float]] = {
    "anxiety": 13,
    "calm": 10,
    "focus": 40,
    "stress": 15,
    "meditation": 7,
    "pain": 12,
    "loneliness": 14,
    "sadness": 8,
    "anger": 18,
    "fear": 16,
    "joy": 11,
    "amusement": 12,
    "excitement": 20,
    "happiness": 10,
    "grief": 6,
    "frustration": 17,
    "confusion": 14,
    "boredom": 9,
    "exhaustion": 5,
    "surprise": 22,
    "pride": 11,
    "gratitude": 10,
    "relief": 9,
    "disappointment": 8,
    "overwhelm": 19,
    "hope": 11,
    "determination": 21,
    "confidence": 12,
}
TONES_HZ: Final[Mapping[str, float]] = {
    "love": 528,
    "transcendence": 963,
    "grounding": 396,
    "harmony": 432,
    "awakening": 852,
    "curiosity": 741,
    "neutral": 240,
}
"""The old catalogue gives curiosity twice, as 40 Hz and as 741 Hz; a plate is driven at the audible one."""

LOWEST_AUDIBLE_HZ: Final = 20.0
# Brain waves of a few hertz come out between 256 and 512 Hz, where figures are rich and differ clearly.
_OCTAVE_FLOOR_HZ: Final = 256.0


def emotions() -> list[str]:
    """All names of the catalogue, sorted."""
    return sorted({*BRAIN_WAVES_HZ, *TONES_HZ})


def audible_hz(name: str) -> tuple[float, int]:
    """The frequency to drive a plate with for an emotion, and by how many octaves it was raised.

    A tone is taken as it is. A brain wave is doubled until it reaches 256 Hz, so that two emotions of
    13 and 14 Hz keep their ratio and look different. Raises KeyError for a name that is not listed.
    """
    if name in TONES_HZ:
        return float(TONES_HZ[name]), 0
    frequency_hz, octaves = float(BRAIN_WAVES_HZ[name]), 0
    while frequency_hz < _OCTAVE_FLOOR_HZ:
        frequency_hz, octaves = frequency_hz * 2, octaves + 1
    return frequency_hz, octaves
