"""Who plays: the instruments of each style, as General MIDI numbers them and as they are synthesised here."""

from typing import Final

from task_svc.music.dice import Dice
from task_svc.music.score import Part

# Names of instruments here, and their programs in General MIDI from 0.
_PROGRAMS: Final = {
    "piano": 0,
    "electric piano": 4,
    "music box": 10,
    "vibraphone": 11,
    "organ": 16,
    "guitar": 24,
    "upright bass": 32,
    "bass": 38,
    "strings": 48,
    "flute": 73,
    "lead": 81,
    "pad": 89,
    "bell": 14,
    "drums": 0,
}
# Melody, chords, pad and bass of each style; where several are named the seed chooses.
_BANDS: Final = {
    "pop": (("flute", "vibraphone", "guitar"), ("electric piano", "guitar"), ("pad",), ("bass",)),
    "jazz": (("vibraphone", "flute"), ("electric piano", "piano"), ("strings",), ("upright bass",)),
    "blues": (("guitar", "lead"), ("organ", "electric piano"), ("pad",), ("upright bass",)),
    "classical": (("flute", "strings"), ("piano",), ("strings",), ("upright bass",)),
    "ambient": (
        ("bell", "vibraphone", "music box", "flute"),
        ("electric piano", "guitar"),
        ("pad",),
        ("bass",),
    ),
}
_DRIVEN_MELODIES: Final = ("lead", "lead", "electric piano")  # of pop with energy
_DRIVEN: Final = 0.7
_WITHOUT_PAD: Final = ("jazz", "blues")
# So that melodies lie about 4 dB below the whole, chords 7, basses 6 and drums 8, whoever plays them.
_LEVELS: Final = {"guitar": 0.68, "lead": 1.5, "flute": 0.95, "strings": 0.78, "music box": 1.2, "bell": 1.1}
_DRUM_GAINS: Final = {"jazz": 1.15, "ambient": 1.1, "blues": 0.9}
_ROOMS: Final = {"ambient": 0.55, "classical": 0.34}
_ROOM_ELSE: Final = 0.24


def band(style: str, energy: float, dice: Dice) -> tuple[Part, Part, Part, Part, Part]:
    """Returns the parts for melody, chords, pad, bass and percussion, without their notes."""
    melodies, accompanists, pads, basses = _BANDS[style]
    melody = dice.pick(_DRIVEN_MELODIES if style == "pop" and energy > _DRIVEN else melodies)
    chords = dice.pick([each for each in accompanists if each != melody])
    pad, bass = dice.pick(pads), dice.pick(basses)
    room = _ROOMS.get(style, _ROOM_ELSE)
    pad_gain = 0.0 if style in _WITHOUT_PAD else 0.27 if style == "ambient" else 0.20
    return (
        _part("Melody", melody, 0.12, 0.62, room),
        _part("Chords", chords, -0.28, 0.36, room * 0.8),
        _part("Pad", pad, 0.0, pad_gain, room),
        _part("Bass", bass, 0.0, 0.58, 0.05),
        _part("Percussion", "drums", 0.0, _DRUM_GAINS.get(style, 0.70), 0.10),
    )


def _part(name: str, instrument: str, pan: float, gain: float, send: float) -> Part:
    level = gain * _LEVELS.get(instrument, 1.0)
    return Part(name, instrument, _PROGRAMS[instrument], pan, level, send)
