"""Moods: what tempo and scale they have, and which words and emotions mean them.

Tempo and scale of the moods, the scales and the progressions are the old system's, which its users know.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCALES: Final[Mapping[str, tuple[int, ...]]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
    "chromatic": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    "whole_tone": (0, 2, 4, 6, 8, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
}
"""Semitones above the tonic."""

PROGRESSIONS: Final[Mapping[str, tuple[int, ...]]] = {
    "pop": (0, 5, 6, 4),
    "jazz": (0, 3, 6, 2, 5, 0),
    "blues": (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4),
    "classical": (0, 4, 5, 0),
    "ambient": (0, 2, 4, 1),
}
"""Roots of the chords, one a bar, as degrees from 0 of a scale of seven notes."""


@dataclass(frozen=True, slots=True)
class Mood:
    """How a mood sounds: beats per minute, scale, the style it has unless asked otherwise, energy 0 to 1."""

    tempo_bpm: int
    scale: str
    style: str
    energy: float


MOODS: Final[Mapping[str, Mood]] = {
    "joy": Mood(140, "major", "pop", 0.8),
    "calm": Mood(70, "pentatonic", "ambient", 0.25),
    "energy": Mood(160, "minor", "pop", 1.0),
    "sadness": Mood(60, "minor", "classical", 0.25),
    "mystery": Mood(90, "whole_tone", "ambient", 0.4),
    "passion": Mood(120, "harmonic_minor", "classical", 0.8),
    "peace": Mood(50, "major", "ambient", 0.15),
    "anxiety": Mood(180, "chromatic", "classical", 0.85),
    "love": Mood(80, "major", "pop", 0.45),
}
DEFAULT_MOOD: Final = "calm"

_EMOTIONS: Final[Mapping[str, str]] = {
    "joy": "joy amusement happiness surprise pride",
    "calm": "calm relief focus neutral",
    "energy": "excitement determination confidence awakening",
    "sadness": "sadness grief loneliness disappointment exhaustion boredom pain",
    "mystery": "curiosity confusion transcendence",
    "passion": "anger frustration",
    "peace": "meditation grounding harmony",
    "anxiety": "anxiety stress fear overwhelm",
    "love": "love gratitude hope",
}
_WORDS: Final[Mapping[str, str]] = {
    "joy": "joyful happy cheerful upbeat fun funny bright sunny playful party celebration celebrate birthday "
    "summer merry uplifting optimistic",
    "calm": "calming relax relaxing relaxed chill lofi soothing gentle soft quiet sleep sleepy study "
    "ocean rain",
    "energy": "energetic powerful power epic fast driving workout running dance dancing intense action "
    "battle excited techno hype",
    "sadness": "sad sorrow sorrowful melancholy melancholic gloomy lonely tearful tears mournful heartbreak "
    "crying rainy nostalgic nostalgia",
    "mystery": "mysterious mystery eerie dreamy dream strange space cosmic spooky dark magic magical "
    "haunting night moon wonder",
    "passion": "passionate passion dramatic drama fiery fire tango flamenco tragic angry fierce rage heroic",
    "peace": "peaceful peace serene serenity tranquil meditative spa healing yoga still stillness spiritual",
    "anxiety": "anxious tense tension nervous scary horror stressed stressful suspense chase chaotic panic",
    "love": "romantic romance loving tender tenderness warm sweet wedding valentine lullaby hopeful grateful",
}
_STYLE_WORDS: Final[Mapping[str, str]] = {
    "pop": "pop rock dance techno electronic disco lofi indie",
    "jazz": "jazz jazzy swing swinging bebop lounge bossa",
    "blues": "blues bluesy shuffle",
    "classical": "classical orchestra orchestral piano symphony baroque sonata chamber violin cello strings",
    "ambient": "ambient drone meditation meditative spa soundscape atmospheric yoga",
}
_WORD: Final = re.compile(r"[a-z]+")


def mood_of_emotion(emotion: str) -> str:
    """Returns the mood of an emotion of the catalogue."""
    return _by_word(_EMOTIONS).get(emotion, DEFAULT_MOOD)


def mood_of(prompt: str) -> str | None:
    """Returns the mood that a prompt's words name most often, the earliest of equals, if they name any."""
    return _most_often({**_by_word(_EMOTIONS), **_by_word(_WORDS), **{name: name for name in MOODS}}, prompt)


def style_of(prompt: str) -> str | None:
    """Returns the style that a prompt names, if any."""
    return _most_often(_by_word(_STYLE_WORDS), prompt)


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word: name for name, words in table.items() for word in words.split()}


def _most_often(known: Mapping[str, str], prompt: str) -> str | None:
    votes = Counter(known[word] for word in _WORD.findall(prompt.casefold()) if word in known)
    return votes.most_common(1)[0][0] if votes else None
