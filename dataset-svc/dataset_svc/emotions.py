"""The emotion catalogue: names and the frequencies that this product gives them.

The mapping of feelings to frequencies is this product's own catalogue, not established neuroscience; whoever
shows it says so.
"""

from dataclasses import dataclass

# Lower end inclusive, upper end exclusive, in hertz.
BANDS = (
    ("delta", 0.5, 4.0),
    ("theta", 4.0, 8.0),
    ("alpha", 8.0, 13.0),
    ("beta", 13.0, 30.0),
    ("gamma", 30.0, 100.0),
)

_NEUROSCIENCE = {
    "amusement": 12.0,
    "anger": 18.0,
    "anxiety": 13.0,
    "boredom": 9.0,
    "calm": 10.0,
    "confidence": 12.0,
    "confusion": 14.0,
    "curiosity": 40.0,
    "determination": 21.0,
    "disappointment": 8.0,
    "excitement": 20.0,
    "exhaustion": 5.0,
    "fear": 16.0,
    "focus": 40.0,
    "frustration": 17.0,
    "gratitude": 10.0,
    "grief": 6.0,
    "happiness": 10.0,
    "hope": 11.0,
    "joy": 11.0,
    "loneliness": 14.0,
    "meditation": 7.0,
    "overwhelm": 19.0,
    "pain": 12.0,
    "pride": 11.0,
    "relief": 9.0,
    "sadness": 8.0,
    "stress": 15.0,
    "surprise": 22.0,
}
_METAPHYSICAL = {
    "awakening": 852.0,
    "curiosity": 741.0,
    "grounding": 396.0,
    "harmony": 432.0,
    "love": 528.0,
    "transcendence": 963.0,
}
_NEUTRAL = {"neutral": 240.0}


@dataclass(frozen=True, slots=True)
class Emotion:
    """An entry of the catalogue; `band` is empty where the frequency lies beyond all bands."""

    name: str
    frequency_hz: float
    group: str
    band: str


def band_of(frequency_hz: float) -> str:
    """Name of the brain-wave band of a frequency, or ""."""
    return next((name for name, low, high in BANDS if low <= frequency_hz < high), "")


def catalogue() -> list[Emotion]:
    """All entries by group and name."""
    groups = {"metaphysical": _METAPHYSICAL, "neuroscience": _NEUROSCIENCE, "neutral": _NEUTRAL}
    return [
        Emotion(name, frequency_hz, group, band_of(frequency_hz))
        for group, entries in groups.items()
        for name, frequency_hz in entries.items()
    ]
