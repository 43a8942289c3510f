"""A melody out of one short motif: stated, answered, moved, turned over, and brought home.

A motif is a rhythm and a line of steps along the scale. A phrase states it on the tones of the first chord;
later bars repeat it on theirs, vary its rhythm or turn its line over; the last bar comes to rest on a tone of
its chord.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from task_svc.music.dice import Dice
from task_svc.music.harmony import Chord
from task_svc.music.score import BEATS_PER_BAR, Note

_LOWEST: Final = 62
_HIGHEST: Final = 86
_STRONG: Final = (0.0, 2.0)
# Onsets of a bar in beats, from sparse to dense.
_SPARSE: Final = ((0.0, 2.0), (0.0, 1.0, 2.0), (0.0, 3.0), (0.0, 1.5, 2.0), (0.0, 2.0, 3.0))
_FLOWING: Final = (
    (0.0, 1.0, 2.0, 3.0),
    (0.0, 1.5, 2.0, 3.0),
    (0.0, 0.5, 1.0, 2.0, 3.0),
    (0.0, 1.0, 1.5, 2.0, 3.5),
    (0.5, 1.0, 2.0, 2.5, 3.0),
)
_DENSE: Final = (
    (0.0, 0.5, 1.0, 1.5, 2.0, 3.0),
    (0.0, 0.5, 1.5, 2.0, 2.5, 3.5),
    (0.0, 0.75, 1.5, 2.0, 2.5, 3.0, 3.5),
    (0.0, 0.5, 1.0, 2.0, 2.5, 3.0),
)
_FULL: Final = 5  # notes of a motif that is varied by one less
_STEPS: Final = (-2, -1, -1, 1, 1, 1, 2, 0)


@dataclass(frozen=True, slots=True)
class Motif:
    """A bar's onsets in beats, and the step along the scale that leads to each note after the first."""

    onsets: tuple[float, ...]
    steps: tuple[int, ...]

    def turned_over(self) -> "Motif":
        """Returns the motif with every step the other way."""
        return Motif(self.onsets, tuple(-step for step in self.steps))

    def varied(self, dice: Dice) -> "Motif":
        """Returns the motif with one note more, or one less if it is full."""
        onsets, steps = list(self.onsets), list(self.steps)
        place = 1 + int(dice.throw() * (len(onsets) - 1)) if len(onsets) > 1 else 0
        if len(onsets) > _FULL and place:
            del onsets[place], steps[place - 1]
        else:
            onsets.append((onsets[-1] + BEATS_PER_BAR) / 2.0)
            steps.append(dice.pick((-1, 1)))
        return Motif(tuple(onsets), tuple(steps))


def motif(dice: Dice, energy: float) -> Motif:
    """Returns a new motif, the denser the more energy (0 to 1) it has."""
    rhythms = _SPARSE if energy < 0.35 else _FLOWING if energy < 0.75 else _DENSE
    onsets = dice.pick(rhythms)
    steps = [dice.pick(_STEPS) for _ in onsets[1:]]
    if steps and dice.chance(0.45):
        # One leap, which is then filled by steps in the other direction.
        steps[0] = dice.pick((-3, 3, 4))
        steps[1:] = [-1 if steps[0] > 0 else 1 for _ in steps[1:]]
    return Motif(onsets, tuple(steps))


def phrase(
    theme: Motif, chords: Sequence[Chord], start_bar: int, near: int, dice: Dice
) -> tuple[list[Note], int]:
    """Returns a phrase over its chords and the pitch that it ends on; `near` is where it begins."""
    notes: list[Note] = []
    pitch = near
    for bar, chord in enumerate(chords):
        at = (start_bar + bar) * BEATS_PER_BAR
        if bar == len(chords) - 1:
            pitch = _nearest(chord.tones, pitch)
            notes.append(Note(at, 3.0, pitch, 0.78))
            break
        figure = _of_bar(theme, bar, dice)
        # The phrase rises to two thirds of its way and falls again.
        lift = 2 if bar * 3 == len(chords) * 2 - len(chords) % 3 else 0
        pitch = _sung(notes, figure, chord, at, _nearest(chord.tones, pitch + lift))
    return notes, pitch


def _of_bar(theme: Motif, bar: int, dice: Dice) -> Motif:
    if bar % 4 == 2:
        return theme.turned_over()
    return theme.varied(dice) if bar % 2 and dice.chance(0.6) else theme


def _sung(notes: list[Note], figure: Motif, chord: Chord, at: float, pitch: int) -> int:
    """Adds one bar of a motif that begins on a pitch; returns the last one."""
    ends = (*figure.onsets[1:], float(BEATS_PER_BAR))
    for number, (onset, end) in enumerate(zip(figure.onsets, ends, strict=True)):
        if number:
            pitch = _stepped(chord.scale, pitch, figure.steps[number - 1])
            if onset in _STRONG:
                pitch = _nearest(chord.tones, pitch)
        strength = 0.82 if onset in _STRONG else 0.66
        notes.append(Note(at + onset, (end - onset) * 0.92, pitch, strength))
    return pitch


def _stepped(scale: tuple[int, ...], pitch: int, steps: int) -> int:
    """Returns the pitch some steps along the scale; where the voice ends it turns back."""
    direction = 1 if steps > 0 else -1
    for _ in range(abs(steps)):
        if not _LOWEST <= pitch + 2 * direction <= _HIGHEST:
            direction = -direction
        pitch += direction
        while pitch % 12 not in scale:
            pitch += direction
    return pitch


def _nearest(tones: tuple[int, ...], pitch: int) -> int:
    """Returns the chord tone nearest to a pitch within the voice, the lower one of two."""
    within = (each for each in range(_LOWEST, _HIGHEST + 1) if each % 12 in tones)
    return min(within, key=lambda each: (abs(each - pitch), each))
