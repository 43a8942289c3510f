"""The instruments: each makes one note on two channels from its pitch, the time it is held and its strength.

All are synthesised: sums of harmonics that decay at their own pace, frequency modulation (John Chowning,
1973) and detuned voices that beat with each other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.exact import FloatArray
from task_svc.music import synthesis as s


@dataclass(frozen=True, slots=True)
class Tone:
    """What an instrument is told: frequency, samples that the key is down, strength 0 to 1, place -1 to 1."""

    hz: float
    held: int
    strength: float
    pan: float
    seed: int


Instrument = Callable[[Tone], FloatArray]


def _length(tone: Tone, release_seconds: float, most_seconds: float = 9.0) -> int:
    return min(tone.held + int(release_seconds * s.RATE), int(most_seconds * s.RATE))


def _register(hz: float) -> float:
    """Returns how quickly strings of a pitch lose their sound, 1 at middle C."""
    return float(np.sqrt(hz / 261.6))


def piano(tone: Tone) -> FloatArray:
    """Returns a struck string, two strings a note, a little apart."""
    count = _length(tone, 0.35)
    pace = _register(tone.hz)
    bright = 0.55 + 0.6 * tone.strength
    amplitudes = [1.0 / (k * (1.0 + 0.14 * k / bright)) * (0.25 if k == 7 else 1.0) for k in range(1, 15)]
    decay = s.falling(count, 1.6 / pace)
    time = s.seconds(count)
    sound = np.zeros((2, count))
    for channel, tune in enumerate((0.9997, 1.0003)):
        sound[channel] = s.harmonics(time * (tone.hz * tune), amplitudes, tone.hz, decay)
    body = 0.7 * s.falling(count, 0.9 / pace) + 0.3 * s.falling(count, 3.0 / pace)
    knock = s.dulled(s.hiss(min(count, 1200), tone.seed), 6) * s.falling(min(count, 1200), 0.004)
    sound[:, : len(knock)] += 0.35 * tone.strength * knock
    sound *= body * s.damped(count, tone.held, 0.003, 0.3) * tone.strength * 0.8
    return _turned(sound, tone.pan)


def electric_piano(tone: Tone) -> FloatArray:
    """Returns a tine: a carrier, its modulation that fades, and the tine's high ring."""
    count = _length(tone, 0.3)
    time = s.seconds(count)
    index = (0.16 + 0.22 * tone.strength) * s.falling(count, 0.35)
    modulator = s.tone(count, tone.hz)
    ring = s.tone(count, min(tone.hz * 14.0, 9000.0)) * s.falling(count, 0.05) * (0.10 * tone.strength)
    carrier = exact.sine(time * tone.hz + index * modulator)
    sound = (carrier + ring) * s.falling(count, 1.1 / _register(tone.hz))
    sound *= s.damped(count, tone.held, 0.004, 0.22) * tone.strength
    sway = 0.22 * s.tone(count, 4.6)
    return s.placed(sound, tone.pan) * np.stack((1.0 + sway, 1.0 - sway))


def guitar(tone: Tone) -> FloatArray:
    """Returns a plucked string: harmonics that are missing where it is plucked, the high ones gone first."""
    count = _length(tone, 0.25)
    pluck = exact.sine(np.arange(1.0, 17.0) * 0.095)  # at 19 % of the string
    amplitudes = [float(pluck[k - 1]) * 2.2 / (k * (1.0 + 0.03 * k)) for k in range(1, 17)]
    decay = s.falling(count, 0.55 / _register(tone.hz))
    sound = s.harmonics(s.seconds(count) * tone.hz, amplitudes, tone.hz, decay)
    sound *= s.falling(count, 0.7 / _register(tone.hz)) * s.damped(count, tone.held, 0.002, 0.2)
    return s.placed(sound * tone.strength * 0.9, tone.pan)


def vibraphone(tone: Tone) -> FloatArray:
    """Returns a bar: its tone, the one two octaves above, and the motor's slow tremolo."""
    count = _length(tone, 1.2)
    sound = s.tone(count, tone.hz) * s.falling(count, 0.85)
    sound += 0.28 * tone.strength * s.tone(count, min(tone.hz * 3.984, 12000.0)) * s.falling(count, 0.22)
    sound += 0.10 * tone.strength * s.tone(count, min(tone.hz * 9.92, 14000.0)) * s.falling(count, 0.06)
    sound *= (0.86 + 0.14 * s.tone(count, 5.1)) * s.damped(count, tone.held, 0.003, 1.1)
    return s.placed(sound * tone.strength * 0.8, tone.pan)


def bell(tone: Tone) -> FloatArray:
    """Returns a small bell: partials that stand in no simple ratio, the prime below them."""
    count = _length(tone, 2.4)
    sound = np.zeros(count)
    for ratio, amplitude, half in (
        (1.0, 1.0, 1.3),
        (2.756, 0.36, 0.6),
        (5.404, 0.16, 0.28),
        (8.93, 0.07, 0.1),
    ):
        if tone.hz * ratio < s.RATE / 3:
            sound += amplitude * s.tone(count, tone.hz * ratio) * s.falling(count, half)
    sound *= s.damped(count, tone.held, 0.004, 2.2)
    return s.placed(sound * tone.strength * 0.6, tone.pan)


def music_box(tone: Tone) -> FloatArray:
    """Returns a plucked comb, an octave above what is written."""
    return bell(Tone(tone.hz * 2.0, min(tone.held, int(0.3 * s.RATE)), tone.strength, tone.pan, tone.seed))


def organ(tone: Tone) -> FloatArray:
    """Returns drawbars at 8', 4', 2 2/3', 2' and 1 1/3', through a slowly turning speaker."""
    count = _length(tone, 0.08)
    turns = s.vibrato(count, tone.hz, 6.1, 0.002)
    sound = s.harmonics(turns, (0.8, 0.55, 0.35, 0.22, 0.0, 0.12), tone.hz, None)
    sound *= s.damped(count, tone.held, 0.008, 0.07) * tone.strength * 0.55
    sway = 0.18 * s.tone(count, 6.1)
    return s.placed(sound, tone.pan) * np.stack((1.0 + sway, 1.0 - sway))


def flute(tone: Tone) -> FloatArray:
    """Returns a breath in a pipe: few harmonics, a vibrato that sets in, and a little air."""
    count = _length(tone, 0.12)
    turns = s.vibrato(count, tone.hz, 5.2, 0.006)
    amplitudes = (1.0, 0.30 + 0.25 * tone.strength, 0.16, 0.05, 0.03)
    sound = s.harmonics(turns, amplitudes, tone.hz, None)
    air = s.brightened(s.dulled(s.hiss(count, tone.seed), 3)) * (0.05 + 0.10 * s.falling(count, 0.05))
    sound = (sound + air) * s.swelling(count, tone.held, 0.055, 0.12)
    return s.placed(sound * tone.strength * 0.62, tone.pan)


def lead(tone: Tone) -> FloatArray:
    """Returns a soft saw tooth whose harmonics open and close again."""
    count = _length(tone, 0.18)
    turns = s.vibrato(count, tone.hz, 5.6, 0.005)
    opened = 0.52 + 0.32 * s.falling(count, 0.16)
    amplitudes = [1.0 / k for k in range(1, 13)]
    sound = s.harmonics(turns, amplitudes, tone.hz, opened)
    sound += 0.6 * s.harmonics(turns * 1.003, amplitudes[:8], tone.hz, opened)
    sound *= s.swelling(count, tone.held, 0.014, 0.17) * (0.75 + 0.25 * s.falling(count, 0.3))
    return s.placed(sound * tone.strength * 0.42, tone.pan)


def pad(tone: Tone) -> FloatArray:
    """Returns many soft voices beside each other, apart from left to right."""
    return _choir(tone, attack=0.7, release=1.3, harmonics=(1.0, 0.5, 0.26, 0.12, 0.07, 0.03), depth=0.0015)


def strings(tone: Tone) -> FloatArray:
    """Returns a small string section."""
    amplitudes = [1.0 / k / (1.0 + 0.03 * k * k) for k in range(1, 11)]
    return _choir(tone, attack=0.16, release=0.35, harmonics=tuple(amplitudes), depth=0.005)


def bass(tone: Tone) -> FloatArray:
    """Returns a round synthesiser bass with a quick snap."""
    count = _length(tone, 0.09)
    turns = s.seconds(count) * tone.hz
    opened = 0.36 + 0.44 * s.falling(count, 0.07)
    sound = s.harmonics(turns, [1.0, 0.62, 0.40, 0.28, 0.2, 0.15, 0.11, 0.09], tone.hz, opened)
    sound *= s.damped(count, tone.held, 0.005, 0.08) * (0.55 + 0.45 * s.falling(count, 0.5))
    return s.placed(sound * tone.strength * 0.85, tone.pan)


def upright_bass(tone: Tone) -> FloatArray:
    """Returns a plucked double bass with the thump of its wood."""
    count = _length(tone, 0.12)
    turns = s.seconds(count) * tone.hz
    decay = s.falling(count, 0.30)
    sound = s.harmonics(turns, [1.0, 0.75, 0.42, 0.26, 0.16, 0.1], tone.hz, decay)
    sound *= s.falling(count, 0.75) * s.damped(count, tone.held, 0.006, 0.1)
    thump = min(count, 2600)
    sound[:thump] += 0.25 * s.dulled(s.hiss(thump, tone.seed), 24) * s.falling(thump, 0.012)
    return s.placed(sound * tone.strength, tone.pan)


def _choir(
    tone: Tone, *, attack: float, release: float, harmonics: tuple[float, ...], depth: float
) -> FloatArray:
    count = _length(tone, release, most_seconds=14.0)
    sound = np.zeros((2, count))
    for voice, tune in enumerate((0.9962, 1.0009, 0.9991, 1.0041)):
        turns = s.vibrato(count, tone.hz * tune, 4.3 + 0.5 * voice, depth, 0.25 * voice) + 0.31 * voice
        sound[voice % 2] += s.harmonics(turns, harmonics, tone.hz, None)
    attack = min(attack, 0.6 * tone.held / s.RATE + 0.02)
    sound *= s.swelling(count, tone.held, attack, release) * tone.strength * 0.34
    return _turned(sound, tone.pan)


def _turned(sound: FloatArray, pan: float) -> FloatArray:
    """Returns a sound that has two channels already, turned a little to one side."""
    sound[0] *= 1.0 - 0.5 * max(pan, 0.0)
    sound[1] *= 1.0 + 0.5 * min(pan, 0.0)
    return sound


INSTRUMENTS: Final[Mapping[str, Instrument]] = {
    "piano": piano,
    "electric piano": electric_piano,
    "guitar": guitar,
    "vibraphone": vibraphone,
    "bell": bell,
    "music box": music_box,
    "organ": organ,
    "flute": flute,
    "lead": lead,
    "pad": pad,
    "strings": strings,
    "bass": bass,
    "upright bass": upright_bass,
}
