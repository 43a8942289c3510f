"""What goes with a melody, bar by bar: chords, bass and percussion, each in the manner of its style.

Positions are in beats within the bar; strengths run from 0 to 1. Percussion pitches are General MIDI's.
"""

from collections.abc import Sequence
from typing import Final

from task_svc.music.dice import Dice
from task_svc.music.harmony import Chord
from task_svc.music.score import BEATS_PER_BAR, Note

KICK, SNARE, STICK, CLAP = 36, 38, 37, 39
CLOSED_HAT, OPEN_HAT, CRASH, RIDE = 42, 46, 49, 51
SHAKER, LOW_TOM, HIGH_TOM = 70, 45, 50

_BASS_LOWEST: Final = 33
_SWING: Final = 2.0 / 3.0  # where the second of two swung quavers falls
# Bounds of a mood's energy.
_CALM: Final = 0.3
_GENTLE: Final = 0.6
_DRIVEN: Final = 0.9
# Where chords are struck and how long they are held; the bars of a style take turns.
_COMPING: Final = {
    "pop": (((0.0, 1.3), (1.5, 0.9), (2.5, 0.45), (3.0, 0.9)),),
    "jazz": (((0.0, 0.9), (2.0 + _SWING, 1.0)), ((0.0, 1.4), (1.0 + _SWING, 0.5), (3.0, 0.6))),
    "blues": (((0.0, 0.55), (1.0 + _SWING, 0.55), (2.0, 0.55), (3.0, 0.55)),),
}


def chords_in_bar(style: str, voicing: Sequence[int], energy: float, bar: int) -> list[Note]:
    """Returns how a style plays the chord of one bar, from the beginning of the bar."""
    if style == "ambient":
        return [Note(0.15 * place, 4.2, pitch, 0.55) for place, pitch in enumerate(voicing)]
    if style == "classical":
        return _alberti(voicing, 1.0 if energy < _CALM else 0.5)
    if style == "pop" and energy < _GENTLE:
        up = (*voicing, *voicing[-2:0:-1])
        return [Note(0.5 * n, 0.9, up[n % len(up)], 0.55 if n % 4 == 0 else 0.45) for n in range(8)]
    hits = _COMPING[style][bar % len(_COMPING[style])]
    return [Note(at, length, pitch, 0.59) for at, length in hits for pitch in voicing]


def _alberti(voicing: Sequence[int], step: float) -> list[Note]:
    """Returns Alberti's figure: lowest, highest, middle, highest."""
    figure = (voicing[0], voicing[-1], voicing[1], voicing[-1])
    count = int(BEATS_PER_BAR / step)
    return [Note(step * n, step * 1.25, figure[n % 4], 0.62 if n % 4 == 0 else 0.48) for n in range(count)]


def bass_in_bar(style: str, chord: Chord, following: Chord, energy: float, dice: Dice) -> list[Note]:
    """Returns the bass of one bar, which leads to the root of the following chord where the style walks."""
    root = _BASS_LOWEST + (chord.root - _BASS_LOWEST) % 12
    fifth = _tone_above(chord, root, 7)
    if style in {"jazz", "blues"}:
        goal = _BASS_LOWEST + (following.root - _BASS_LOWEST) % 12
        third = _tone_above(chord, root, 4)
        walk = (root, third, fifth, _scale_neighbour(following.scale, goal, dice))
        return [Note(float(beat), 0.88, each, 0.74 if beat == 0 else 0.64) for beat, each in enumerate(walk)]
    if style == "ambient" or (style == "classical" and energy < _CALM):
        return [Note(0.0, 3.85, root, 0.68)]
    if style == "classical":
        return [Note(0.0, 1.8, root, 0.7), Note(2.0, 1.8, fifth, 0.6)]
    return _pop_bass(root, fifth, energy)


def _pop_bass(root: int, fifth: int, energy: float) -> list[Note]:
    if energy > _DRIVEN:
        octaves = [root + (12 if n % 4 == 3 else 0) for n in range(8)]
        return [Note(0.5 * n, 0.42, each, 0.8 - 0.12 * (n % 2)) for n, each in enumerate(octaves)]
    if energy < _GENTLE:
        return [Note(0.0, 2.2, root, 0.72), Note(2.5, 1.3, fifth, 0.6)]
    hits = ((0.0, 1.2, root), (1.5, 0.45, root), (2.0, 0.9, fifth), (3.0, 0.4, root), (3.5, 0.4, fifth))
    return [Note(at, length, pitch, 0.76) for at, length, pitch in hits]


def percussion_in_bar(style: str, energy: float, bar: int, dice: Dice, *, last_of_phrase: bool) -> list[Note]:
    """Returns the percussion of one bar; styles and moods that have none get an empty one."""
    if style in {"ambient", "classical"} and energy < 0.35:
        return []
    if style == "ambient":
        return _hits((SHAKER, (0.5, 1.5, 2.5, 3.5), 0.3), (LOW_TOM, (0.0,), 0.4))
    if style == "classical":
        return _hits((LOW_TOM, (0.0,) if bar % 2 == 0 else (0.0, 3.0, 3.5), 0.5))
    if style in {"jazz", "blues"}:
        return _swung(style, dice)
    beat = _straight(energy, bar, dice)
    if last_of_phrase and energy > _GENTLE:
        beat = [note for note in beat if note.start < 3.0]
        fill = ((HIGH_TOM, 3.0), (HIGH_TOM, 3.25), (LOW_TOM, 3.5), (LOW_TOM, 3.75))
        beat += [Note(at, 0.2, pitch, 0.62 + 0.06 * n) for n, (pitch, at) in enumerate(fill)]
    return beat


def _straight(energy: float, bar: int, dice: Dice) -> list[Note]:
    if energy < _GENTLE:
        return _hits(
            (KICK, (0.0, 2.5), 0.6),
            (STICK, (1.0, 3.0), 0.42),
            (SHAKER, tuple(0.5 * n for n in range(8)), 0.24),
        )
    kicks = (0.0, 1.0, 2.0, 3.0) if energy > _DRIVEN else ((0.0, 2.0, 2.5) if bar % 2 else (0.0, 1.75, 2.0))
    notes = _hits((KICK, kicks, 0.85), (SNARE, (1.0, 3.0), 0.74))
    hats = [Note(0.5 * n, 0.1, CLOSED_HAT, 0.42 if n % 2 == 0 else 0.3) for n in range(8)]
    if dice.chance(0.5):
        hats[-1] = Note(3.5, 0.4, OPEN_HAT, 0.38)
    return notes + hats


def _swung(style: str, dice: Dice) -> list[Note]:
    ride = _hits(
        (RIDE, (0.0, 1.0, 1.0 + _SWING, 2.0, 3.0, 3.0 + _SWING), 0.42), (CLOSED_HAT, (1.0, 3.0), 0.36)
    )
    if style == "blues":
        return ride + _hits((KICK, (0.0, 2.0), 0.66), (SNARE, (1.0, 3.0), 0.58))
    ride += _hits((KICK, (0.0, 2.0), 0.26))
    if dice.chance(0.45):
        ride += _hits((SNARE, (dice.pick((1.0 + _SWING, 2.0 + _SWING, 3.0 + _SWING)),), 0.28))
    return ride


def _hits(*instruments: tuple[int, tuple[float, ...], float]) -> list[Note]:
    return [Note(at, 0.2, pitch, strength) for pitch, places, strength in instruments for at in places]


def _tone_above(chord: Chord, root: int, semitones: int) -> int:
    """Returns the chord tone nearest to an interval above the root."""
    within = [root + step for step in range(1, 12) if (root + step) % 12 in chord.tones]
    return min(within, key=lambda each: (abs(each - root - semitones), each))


def _scale_neighbour(scale: tuple[int, ...], goal: int, dice: Dice) -> int:
    """Returns the note of the scale next to a goal, above or below."""
    direction = 1 if dice.chance(0.4) else -1
    pitch = goal + direction
    while pitch % 12 not in scale:
        pitch += direction
    return pitch
