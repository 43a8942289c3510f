"""A piece of music in plain data: who plays what when.

Times are in beats, pitches are MIDI's (60 is middle C).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

BEATS_PER_BAR: Final = 4


@dataclass(frozen=True, slots=True)
class Note:
    """One note: when it begins and how long it is held, in beats; its pitch, and its strength from 0 to 1.

    In a percussion part the pitch is the instrument, by General MIDI's key map.
    """

    start: float
    length: float
    pitch: int
    strength: float


@dataclass(frozen=True, slots=True)
class Part:
    """A player.

    Attributes:
        name: What is written on the part.
        instrument: Which of `instruments` plays it; "drums" for percussion.
        program: General MIDI's program, from 0.
        pan: From -1 (left) to 1 (right).
        gain: How loud, as a factor.
        send: How much of it the room hears, as a factor.
        notes: What it plays, in no order.
    """

    name: str
    instrument: str
    program: int
    pan: float
    gain: float
    send: float
    notes: list[Note] = field(default_factory=list)

    def play(self, notes: Iterable[Note]) -> None:
        """Adds notes."""
        self.notes.extend(notes)


@dataclass(frozen=True, slots=True)
class Score:
    """A whole piece; `seconds` is how long it sounds, its last notes' end included."""

    title: str
    style: str
    tempo_bpm: int
    seconds: float
    bars: int
    parts: tuple[Part, ...]
    chords: tuple[str, ...]

    @property
    def beat_seconds(self) -> float:
        """How long a beat lasts."""
        return 60.0 / self.tempo_bpm
