"""Chords of a progression in a scale, and voices that move as little as they can from one to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from task_svc.music.moods import PROGRESSIONS, SCALES

_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_DOMINANT: Final = (0, 4, 7, 10)
_MINOR_SEVENTH: Final = (0, 3, 7, 10)
_FIFTH: Final = 4  # degree, from 0
_HARMONY: Final[Mapping[str, str]] = {"pentatonic": "major", "chromatic": "harmonic_minor"}
_LOWEST_VOICE: Final = 50
_HIGHEST_VOICE: Final = 76
_CENTRE: Final = 62.0
_PULL: Final = 0.35  # semitones of movement that one semitone away from the middle is worth


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: pitch classes (0 is C), the root first, and the pitch classes that go with it in the scale."""

    tones: tuple[int, ...]
    scale: tuple[int, ...]

    @property
    def root(self) -> int:
        """Pitch class of the root."""
        return self.tones[0]

    @property
    def name(self) -> str:
        """The tones' names, the root first, such as "A C E"."""
        return " ".join(_NAMES[tone] for tone in self.tones)


def progression(style: str, scale: str, key: int) -> list[Chord]:
    """Returns the chords of a style, one a bar, on a key (0 is C); melodies keep to the scale.

    Chords are stacked thirds, with sevenths in jazz and ninths in ambient. Where the scale has too few notes
    for thirds, or too many, they come from a scale of seven that it goes with. The blues has its sevenths.
    """
    classes = tuple(sorted((key + step) % 12 for step in SCALES[scale]))
    tones = _blues if "blues" in {style, scale} else _stacked
    return [Chord(tones(degree, style, scale, key), classes) for degree in PROGRESSIONS[style]]


def _stacked(degree: int, style: str, scale: str, key: int) -> tuple[int, ...]:
    steps = SCALES[_HARMONY.get(scale, scale)]
    if len(steps) < len(SCALES["major"]):
        # Thirds of the whole-tone scale are all one chord; these three notes differ from degree to degree.
        return tuple((key + steps[(degree + place) % len(steps)]) % 12 for place in (0, 2, 3))
    places = {"jazz": (0, 2, 4, 6), "ambient": (0, 2, 4, 8)}.get(style, (0, 2, 4))
    third, fifth = ((steps[(degree + place) % 7] - steps[degree]) % 12 for place in (2, 4))
    if (third, fifth) == (3, 6) and style != "jazz":
        # A diminished triad is the upper part of a dominant seventh, and at ease with its root.
        places = (0, 2, 4, 5)
    return tuple((key + steps[(degree + place) % 7]) % 12 for place in places)


def _blues(degree: int, _style: str, scale: str, key: int) -> tuple[int, ...]:
    """Returns a dominant seventh; in minor a minor seventh, but on the fifth degree."""
    minor = scale in {"minor", "harmonic_minor"}
    root = key + SCALES["minor" if minor else "major"][degree]
    chord = _MINOR_SEVENTH if minor and degree != _FIFTH else _DOMINANT
    return tuple((root + step) % 12 for step in chord)


def voicings(chords: Sequence[Chord]) -> list[tuple[int, ...]]:
    """Returns each chord's pitches, low to high, so that voices move the least and stay in the middle."""
    found: list[tuple[int, ...]] = []
    for chord in chords:
        candidates = _positions(chord)
        found.append(min(candidates, key=lambda each: (_effort(found[-1] if found else None, each), each)))
    return found


def _positions(chord: Chord) -> list[tuple[int, ...]]:
    """Returns the close positions of a chord, all inversions and octaves within the voices' range."""
    positions: list[tuple[int, ...]] = []
    for inversion in range(len(chord.tones)):
        order = chord.tones[inversion:] + chord.tones[:inversion]
        for low in range(_LOWEST_VOICE, _LOWEST_VOICE + 24):
            if low % 12 != order[0]:
                continue
            pitches = [low]
            for tone in order[1:]:
                pitches.append(pitches[-1] + ((tone - pitches[-1]) % 12 or 12))
            if pitches[-1] <= _HIGHEST_VOICE:
                positions.append(tuple(pitches))
    return positions


def _effort(before: tuple[int, ...] | None, pitches: tuple[int, ...]) -> float:
    away = abs(sum(pitches) / len(pitches) - _CENTRE) * _PULL
    if before is None:
        return away
    moved = sum(min(abs(pitch - other) for other in before) for pitch in pitches)
    return moved + abs(pitches[-1] - before[-1]) * 0.5 + away
