"""Building blocks of sounds: envelopes, harmonics and noise, as arrays of samples at 44,100 Hz."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.exact import FloatArray

RATE: Final = 44_100
_HIGHEST_HZ: Final = 15_000.0
_SEMITONES: Final = tuple(
    # 2 ** (n / 12), by multiplication alone.
    float(each)
    for each in exact.exp2(np.arange(128) / 12.0)
)
_FINE: Final = np.arange(256, dtype=np.float64)
_LOWEST_HZ: Final = 440.0 / 32.0 / _SEMITONES[9]  # of MIDI's pitch 0


def pitch_hz(pitch: int) -> float:
    """Returns the frequency of a MIDI pitch, equally tempered, 69 at 440 Hz."""
    return _LOWEST_HZ * _SEMITONES[pitch]


def seconds(count: int) -> FloatArray:
    """Returns the times of `count` samples."""
    return np.arange(count, dtype=np.float64) * (1.0 / RATE)


def harmonics(
    turns: FloatArray, amplitudes: Sequence[float], hz: float, decay: FloatArray | None
) -> FloatArray:
    """Returns a sum of harmonics of a phase (in turns); those above 15 kHz are left out.

    The k-th is `decay ** (k - 1)` softer where that is given. sin(k t) comes from the two before it
    (Chebyshev).
    """
    step = 2.0 * exact.cosine(turns)
    before, here = np.zeros_like(turns), exact.sine(turns)
    total = amplitudes[0] * here
    fade = decay
    for number, amplitude in enumerate(amplitudes[1:], start=2):
        if number * hz > _HIGHEST_HZ:
            break
        before, here = here, step * here - before
        if fade is None or decay is None:
            total += amplitude * here
            continue
        total += (amplitude * fade) * here
        fade = fade * decay
    return total


def falling(count: int, half_seconds: float) -> FloatArray:
    """Returns an envelope from 1 down, halved in each `half_seconds`."""
    per_sample = -1.0 / (RATE * half_seconds)
    fine = exact.exp2(_FINE * per_sample)
    coarse = exact.exp2(_starts(count) * per_sample)
    return (coarse[:, None] * fine).reshape(-1)[:count]


def tone(count: int, hz: float, phase: float = 0.0) -> FloatArray:
    """Returns a sine of a steady frequency; `phase` is in turns.

    Each row of 256 samples is the first one turned by its own angle, which is a fifth of the work.
    """
    per_sample = hz / RATE
    fine, coarse = _FINE * per_sample, _starts(count) * per_sample + phase
    sine, cosine = exact.sine(coarse)[:, None], exact.cosine(coarse)[:, None]
    turned = sine * exact.cosine(fine) + cosine * exact.sine(fine)
    return turned.reshape(-1)[:count]


def swelling(count: int, held: int, attack_seconds: float, release_seconds: float) -> FloatArray:
    """Returns an envelope that rises to 1, stays until sample `held`, and falls to 0 at the end."""
    time = seconds(count)
    rise = np.minimum(time * (1.0 / attack_seconds), 1.0)
    fall = np.clip(1.0 - (time - held / RATE) * (1.0 / release_seconds), 0.0, 1.0)
    return rise * rise * (3.0 - 2.0 * rise) * fall * fall


def damped(count: int, held: int, attack_seconds: float, release_seconds: float) -> FloatArray:
    """Returns an envelope for a struck sound: a quick rise, and a release when the key is let go."""
    time = seconds(count)
    rise = np.minimum(time * (1.0 / attack_seconds), 1.0)
    fall = np.clip(1.0 - (time - held / RATE) * (1.0 / release_seconds), 0.0, 1.0)
    return rise * fall * fall


def vibrato(count: int, hz: float, rate_hz: float, depth: float, phase: float = 0.0) -> FloatArray:
    """Returns the phase, in turns, of a tone whose frequency swings by a part `depth` once it stands."""
    time = seconds(count)
    onset = np.minimum(time * 2.5, 1.0)
    swing = exact.sine(time * rate_hz + phase) * (depth * hz / (2.0 * exact.PI * rate_hz))
    return time * hz + onset * swing


def hiss(count: int, seed: int) -> FloatArray:
    """Returns white noise from -1 to 1."""
    return exact.white(seed, count) * 2.0 - 1.0


def brightened(sound: FloatArray) -> FloatArray:
    """Returns the differences of a sound, which lack its low tones."""
    return sound - np.concatenate((np.zeros(1), sound[:-1]))


def dulled(sound: FloatArray, times: int) -> FloatArray:
    """Returns a sound without its highest tones, averaged with its neighbours some times."""
    for _ in range(times):
        sound = 0.5 * (sound + np.concatenate((np.zeros(1), sound[:-1])))
    return sound


def placed(sound: FloatArray, pan: float) -> FloatArray:
    """Returns a sound on two channels, shape (2, n), equally loud wherever it stands (-1 left to 1 right)."""
    place = np.array([(1.0 - pan) * 0.125, (1.0 + pan) * 0.125])
    return exact.sine(place)[:, None] * sound


def _starts(count: int) -> FloatArray:
    """Returns the number of the first sample of each row of 256."""
    return np.arange(-(-count // len(_FINE)), dtype=np.float64) * float(len(_FINE))
