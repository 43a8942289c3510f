"""Plays a score into blocks of sound, one after the other, so that memory does not grow with the piece."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc.exact import FloatArray
from task_svc.music.drums import DRUMS
from task_svc.music.instruments import INSTRUMENTS, Tone
from task_svc.music.reverb import Reverb
from task_svc.music.score import Note, Part, Score
from task_svc.music.synthesis import RATE, pitch_hz

BLOCK: Final = 65_536
_STRENGTHS: Final = 12  # steps of strength that are told apart
_HELD_STEP: Final = RATE // 50
_TAKES: Final = 4  # noises of an instrument's attack that are told apart
_REMEMBERED_BYTES: Final = 48_000_000
_FADE_SECONDS: Final = 1.5
_FADE_SHARE: Final = 0.1
_ROOM_HALF_SECONDS: Final = {"ambient": 0.42, "classical": 0.28}
_ROOM_HALF_SECONDS_ELSE: Final = 0.17


@dataclass(frozen=True, slots=True)
class _Cue:
    start: int
    part: Part
    note: Note
    take: int


class Players:
    """Makes the sounds of notes and remembers the latest: pieces repeat themselves.

    Length, strength and noise are told apart in steps too small to hear, so that notes come again.
    """

    def __init__(self, beat_seconds: float) -> None:
        self._beat_seconds = beat_seconds
        self._made: OrderedDict[tuple[str, int, int, int, int], FloatArray] = OrderedDict()
        self._bytes = 0

    def sound(self, part: Part, note: Note, take: int) -> FloatArray:
        """Returns the sound of a note, of shape (2, n), as loud as its part is mixed."""
        held = max(1, round(note.length * self._beat_seconds * RATE / _HELD_STEP))
        strength = max(1, round(note.strength * _STRENGTHS))
        # Struck drums ring for as long as they do; how long they are held says nothing.
        key = (part.name, note.pitch, 0 if part.instrument == "drums" else held, strength, take % _TAKES)
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        sound = self._played(part, note.pitch, held * _HELD_STEP, strength / _STRENGTHS, key[-1])
        self._made[key] = sound
        self._bytes += sound.nbytes
        while self._bytes > _REMEMBERED_BYTES:
            self._bytes -= self._made.popitem(last=False)[1].nbytes
        return sound

    @staticmethod
    def _played(part: Part, pitch: int, held: int, strength: float, take: int) -> FloatArray:
        if part.instrument == "drums":
            return DRUMS[pitch](take) * (strength * part.gain)
        tone = Tone(pitch_hz(pitch), held, strength, part.pan, take)
        return INSTRUMENTS[part.instrument](tone) * part.gain


def mixed(score: Score) -> Iterator[FloatArray]:
    """Yields the piece in blocks of shape (2, 65,536), the last one shorter; as loud as it happens to be."""
    total = round(score.seconds * RATE)
    cues = _cues(score)
    players = Players(score.beat_seconds)
    room = Reverb(_ROOM_HALF_SECONDS.get(score.style, _ROOM_HALF_SECONDS_ELSE))
    dry, wet = _Tape(), _Tape()
    fade = round(min(_FADE_SECONDS, score.seconds * _FADE_SHARE) * RATE)
    upcoming = next(cues, None)
    for start in range(0, total, BLOCK):
        while upcoming is not None and upcoming.start < start + BLOCK:
            sound = players.sound(upcoming.part, upcoming.note, upcoming.take)
            dry.add(upcoming.start - start, sound, 1.0)
            wet.add(upcoming.start - start, sound, upcoming.part.send)
            upcoming = next(cues, None)
        block = (dry.pull() + room.process(wet.pull()))[:, : total - start]
        left = total - start - np.arange(block.shape[1])
        yield block * np.minimum(left * (1.0 / fade), 1.0)


def _cues(score: Score) -> Iterator[_Cue]:
    """Yields all notes in the order in which they begin, those of the first parts first."""
    every = [
        (round(note.start * score.beat_seconds * RATE), place, number)
        for place, part in enumerate(score.parts)
        for number, note in enumerate(part.notes)
    ]
    for take, (start, place, number) in enumerate(sorted(every)):
        part = score.parts[place]
        yield _Cue(start, part, part.notes[number], take)


class _Tape:
    """Sounds added up, as blocks from now on into the future."""

    def __init__(self) -> None:
        self._blocks: list[FloatArray] = []

    def add(self, start: int, sound: FloatArray, gain: float) -> None:
        """Adds a sound of shape (2, n) from a sample on, counted from the first that was not pulled yet."""
        done, count = 0, sound.shape[1]
        while done < count:
            number, offset = divmod(start + done, BLOCK)
            while len(self._blocks) <= number:
                self._blocks.append(np.zeros((2, BLOCK)))
            fitting = min(BLOCK - offset, count - done)
            self._blocks[number][:, offset : offset + fitting] += gain * sound[:, done : done + fitting]
            done += fitting

    def pull(self) -> FloatArray:
        """Returns the next block and forgets it."""
        return self._blocks.pop(0) if self._blocks else np.zeros((2, BLOCK))
