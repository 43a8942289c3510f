"""Percussion: swept sines for skins, coloured noise for metal, wires and shells."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.exact import FloatArray
from task_svc.music import accompaniment as keys
from task_svc.music import synthesis as s


def kick(seed: int) -> FloatArray:
    """Returns a bass drum: a tone that falls from 150 to 48 Hz, and the beater's click."""
    count = int(0.42 * s.RATE)
    time = s.seconds(count)
    # The integral of 48 + 110 * 2^(-t / 0.022).
    turns = 48.0 * time + 110.0 * 0.022 * 1.4426950408889634 * (1.0 - s.falling(count, 0.022))
    sound = exact.sine(turns) * s.falling(count, 0.085) * np.minimum(time * 700.0, 1.0)
    sound[:300] += 0.25 * s.dulled(s.hiss(300, seed), 2) * s.falling(300, 0.0012)
    return s.placed(_ended(sound), 0.0) * 1.25


def snare(seed: int) -> FloatArray:
    """Returns a snare drum: two tones of the skin and the wires below it."""
    count = int(0.30 * s.RATE)
    skin = (s.tone(count, 186.0) + 0.6 * s.tone(count, 331.0)) * s.falling(count, 0.035)
    wires = s.brightened(s.dulled(s.hiss(count, seed), 1)) * s.falling(count, 0.055)
    return s.placed(_ended(0.5 * skin + 0.9 * wires), -0.05) * 0.75


def stick(seed: int) -> FloatArray:
    """Returns a stick across the rim."""
    count = int(0.08 * s.RATE)
    sound = (s.tone(count, 1720.0) + 0.5 * s.tone(count, 2630.0)) * s.falling(count, 0.006)
    sound += 0.3 * s.brightened(s.hiss(count, seed)) * s.falling(count, 0.003)
    return s.placed(_ended(sound), 0.15) * 0.5


def closed_hat(seed: int) -> FloatArray:
    """Returns a closed high hat."""
    return _metal(seed, 0.09, 0.014, 0.25) * 0.42


def open_hat(seed: int) -> FloatArray:
    """Returns an open high hat."""
    return _metal(seed, 0.42, 0.09, 0.25) * 0.36


def ride(seed: int) -> FloatArray:
    """Returns a ride cymbal: a ping, and a wash after it."""
    count = int(0.8 * s.RATE)
    ping = sum(s.tone(count, hz) for hz in (3170.0, 4390.0, 5730.0, 7110.0)) * s.falling(count, 0.05)
    wash = s.brightened(s.brightened(s.hiss(count, seed))) * s.falling(count, 0.16)
    return s.placed(_ended(0.09 * ping + 0.10 * wash), 0.3) * 0.8


def crash(seed: int) -> FloatArray:
    """Returns a crash cymbal."""
    return _metal(seed, 1.9, 0.42, -0.3) * 0.5


def shaker(seed: int) -> FloatArray:
    """Returns a shaker, whose seeds need a moment to fall."""
    count = int(0.11 * s.RATE)
    rise = np.minimum(s.seconds(count) * 45.0, 1.0)
    sound = s.brightened(s.hiss(count, seed)) * rise * s.falling(count, 0.022)
    return s.placed(_ended(sound), -0.35) * 0.45


def clap(seed: int) -> FloatArray:
    """Returns hands that do not quite meet at once."""
    count = int(0.22 * s.RATE)
    noise = s.brightened(s.dulled(s.hiss(count, seed), 1))
    envelope = np.zeros(count)
    for late in (0.0, 0.011, 0.022):
        start = int(late * s.RATE)
        envelope[start:] += s.falling(count - start, 0.004 if late < 0.02 else 0.04)
    return s.placed(_ended(noise * envelope), 0.1) * 0.6


def low_tom(seed: int) -> FloatArray:
    """Returns a low tom, or a soft kettle drum."""
    return _skin(seed, 92.0, 0.16, -0.25)


def high_tom(seed: int) -> FloatArray:
    """Returns a high tom."""
    return _skin(seed, 158.0, 0.11, 0.25)


def _skin(seed: int, hz: float, half: float, pan: float) -> FloatArray:
    count = int(0.6 * s.RATE)
    turns = s.seconds(count) * hz + 0.6 * hz * 0.03 * 1.4426950408889634 * (1.0 - s.falling(count, 0.03))
    sound = (exact.sine(turns) + 0.35 * exact.sine(turns * 1.59)) * s.falling(count, half)
    sound += 0.2 * s.dulled(s.hiss(count, seed), 4) * s.falling(count, 0.008)
    return s.placed(_ended(sound * np.minimum(s.seconds(count) * 500.0, 1.0)), pan) * 0.8


def _metal(seed: int, length: float, half: float, pan: float) -> FloatArray:
    count = int(length * s.RATE)
    sound = s.brightened(s.brightened(s.hiss(count, seed))) * s.falling(count, half)
    return s.placed(_ended(sound), pan)


def _ended(sound: FloatArray) -> FloatArray:
    """Returns a sound whose last hundredth of a second fades to nothing."""
    fade = min(len(sound), s.RATE // 100)
    sound[-fade:] *= np.arange(fade, 0, -1) * (1.0 / fade)
    return sound


DRUMS: Final[Mapping[int, Callable[[int], FloatArray]]] = {
    keys.KICK: kick,
    keys.SNARE: snare,
    keys.STICK: stick,
    keys.CLAP: clap,
    keys.CLOSED_HAT: closed_hat,
    keys.OPEN_HAT: open_hat,
    keys.CRASH: crash,
    keys.RIDE: ride,
    keys.SHAKER: shaker,
    keys.LOW_TOM: low_tom,
    keys.HIGH_TOM: high_tom,
}
