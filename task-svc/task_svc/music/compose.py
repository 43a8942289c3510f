"""Writes the score of a piece: form, harmony, melody and accompaniment, all from its parameters.

The form follows the length: an opening without the melody, then phrases as long as the progression, of
which every third has a second theme, a phrase with less at the end, and a last chord that rings until the
time is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from task_svc.model import Parameters
from task_svc.music.accompaniment import CRASH, bass_in_bar, chords_in_bar, percussion_in_bar
from task_svc.music.bands import band
from task_svc.music.dice import Dice
from task_svc.music.harmony import Chord, progression, voicings
from task_svc.music.melody import Motif, motif, phrase
from task_svc.music.moods import MOODS
from task_svc.music.parameters import KEYS
from task_svc.music.score import BEATS_PER_BAR, Note, Part, Score

_CLOSE_SECONDS: Final = 3.0  # what the last chord has at least, where the piece is long enough
_CLOSE_SHARE: Final = 0.35
_TIMING_SECONDS: Final = 0.006
_STARTING_PITCH: Final = 72


@dataclass(frozen=True, slots=True)
class _Plan:
    """What all the parts agree on."""

    style: str
    energy: float
    chords: list[Chord]
    voices: list[tuple[int, ...]]
    bars: int
    phrases: int


def compose(parameters: Parameters) -> Score:
    """Returns the score of completed music parameters."""
    plan = _plan(parameters)
    throws, melodies, bars, playing = _dice(parameters)
    players = band(parameters["style"], plan.energy, throws)
    melody, chords, pad, bass, drums = players
    _write_melody(melody, plan, melodies)
    for bar in range(plan.bars):
        _write_bar(plan, bar, (chords, pad, bass, drums), bars)
    _close(plan, players, parameters)
    seconds_per_beat = 60.0 / parameters["tempo_bpm"]
    parts = tuple(_played(part, playing, seconds_per_beat) for part in players if part.notes and part.gain)
    return Score(
        title=parameters["prompt"][:80] or f"{parameters['mood'].capitalize()} in {parameters['key']}",
        style=parameters["style"],
        tempo_bpm=parameters["tempo_bpm"],
        seconds=parameters["duration_seconds"],
        bars=plan.bars,
        parts=parts,
        chords=tuple(chord.name for chord in plan.chords),
    )


def _dice(parameters: Parameters) -> list[Dice]:
    """Returns the throws for band, melody, bars and playing: others for each mood and seed."""
    first = sorted(MOODS).index(parameters["mood"]) * 4
    return [Dice(parameters["seed"], first + stream) for stream in range(4)]


def _plan(parameters: Parameters) -> _Plan:
    seconds = parameters["duration_seconds"]
    bar_seconds = BEATS_PER_BAR * 60.0 / parameters["tempo_bpm"]
    close = min(_CLOSE_SECONDS, seconds * _CLOSE_SHARE)
    bars = max(1, int((seconds - close) / bar_seconds))
    if bars * bar_seconds > seconds * 0.9:
        bars -= 1  # a single slow bar that would fill it all: the last chord is the whole piece
    chords = progression(parameters["style"], parameters["scale"], KEYS.index(parameters["key"]))
    return _Plan(
        style=parameters["style"],
        energy=MOODS[parameters["mood"]].energy,
        chords=chords,
        voices=voicings(chords),
        bars=bars,
        phrases=-(-bars // len(chords)),
    )


def _level(plan: _Plan, number: int) -> float:
    """Returns how full the phrase of a number is, from 0 to 1."""
    if plan.phrases < 3:
        return 1.0
    if number == 0:
        return 0.35
    return 0.7 if number == plan.phrases - 1 else 1.0


def _write_melody(part: Part, plan: _Plan, dice: Dice) -> None:
    first, second = motif(dice, plan.energy), motif(dice, min(1.0, plan.energy + 0.15))
    near, length = _STARTING_PITCH, len(plan.chords)
    for number in range(plan.phrases):
        start = number * length
        if _level(plan, number) < 0.5:
            continue
        theme = _theme(number, first, second, dice)
        higher = 4 if number % 3 == 2 else 0
        notes, near = phrase(theme, plan.chords[: plan.bars - start], start, near + higher, dice)
        part.play(notes)


def _theme(number: int, first: Motif, second: Motif, dice: Dice) -> Motif:
    if number % 3 == 2:
        return second
    return first.varied(dice) if number % 3 == 1 and number > 1 else first


def _write_bar(plan: _Plan, bar: int, players: Sequence[Part], dice: Dice) -> None:
    chords, pad, bass, drums = players
    length = len(plan.chords)
    place, number = bar % length, bar // length
    level, at = _level(plan, number), float(bar * BEATS_PER_BAR)
    chord, following = plan.chords[place], plan.chords[(place + 1) % length]
    chords.play(
        _moved(chords_in_bar(plan.style, plan.voices[place], plan.energy, bar), at, 0.8 + 0.2 * level)
    )
    pad.play(Note(at, BEATS_PER_BAR * 1.02, pitch, 0.5) for pitch in plan.voices[place])
    if level > 0.5 or place >= length // 2:
        bass.play(_moved(bass_in_bar(plan.style, chord, following, plan.energy, dice), at, 1.0))
    if level > 0.5 or place == length - 1:
        last = place == length - 1
        beat = percussion_in_bar(plan.style, plan.energy, bar, dice, last_of_phrase=last)
        drums.play(_moved(beat, at, 0.75 + 0.25 * level))
        if place == 0 and number and beat and plan.energy > 0.6:
            drums.play([Note(at, 1.0, CRASH, 0.4)])


def _close(plan: _Plan, players: Sequence[Part], parameters: Parameters) -> None:
    """Writes the last chord, which is the tonic's and rings to the end."""
    melody, chords, pad, bass, _ = players
    at = float(plan.bars * BEATS_PER_BAR)
    beats = parameters["duration_seconds"] * parameters["tempo_bpm"] / 60.0 - at
    held, voicing = beats * 0.72, plan.voices[0]
    spread = 0.12 if plan.style in {"classical", "ambient"} else 0.03
    chords.play(Note(at + spread * n, held, pitch, 0.62) for n, pitch in enumerate(voicing))
    pad.play(Note(at, held, pitch, 0.5) for pitch in voicing)
    root = plan.chords[0].root
    bass.play([Note(at, held, 33 + (root - 33) % 12, 0.7)])
    last = melody.notes[-1].pitch if melody.notes else _STARTING_PITCH
    tonic = min(range(62, 87), key=lambda pitch: (pitch % 12 != root, abs(pitch - last)))
    melody.play([Note(at + spread * len(voicing), held, tonic, 0.7)])


def _moved(notes: Sequence[Note], at: float, strength: float) -> list[Note]:
    return [replace(note, start=note.start + at, strength=note.strength * strength) for note in notes]


def _played(part: Part, dice: Dice, seconds_per_beat: float) -> Part:
    """Returns a part as people play it: a few milliseconds off and not every note as strong."""
    reach = _TIMING_SECONDS / seconds_per_beat * (0.4 if part.instrument == "drums" else 1.0)
    notes = [
        replace(
            note,
            start=max(0.0, note.start + dice.around(reach)),
            strength=min(1.0, note.strength * (1.0 + dice.around(0.09))),
        )
        for note in part.notes
    ]
    return replace(part, notes=sorted(notes, key=lambda note: (note.start, note.pitch)))
