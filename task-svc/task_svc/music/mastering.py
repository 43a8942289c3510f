"""Brings a mix to its loudness and keeps its peaks below full scale: two passes over a file of the raw mix.

The limiter sees each peak 6 ms before it comes. Its gain is a line between points 64 samples apart, none of
which is above what the samples on either side of it can take, so no sample goes over.
"""

import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.exact import FloatArray
from task_svc.music.loudness import LoudnessMeter, lufs
from task_svc.music.mixer import BLOCK
from task_svc.music.synthesis import RATE

_TARGET_ENERGY: Final = 0.04667668449794024  # -14 LUFS as a mean square
_CEILING: Final = 0.891250938133746  # -1 dB of full scale
_STEP: Final = 64
_AHEAD: Final = 4  # steps in which the gain falls before a peak
_RECOVERY: Final = 0.012  # share of the reduction that is given back in each step: half in 84 ms
_FULL_SCALE: Final = 32_767.0
_CHANNELS: Final = 2
_SAMPLE_BYTES: Final = 2
_DITHER_SEED: Final = 0xD17


@dataclass(frozen=True, slots=True)
class Levels:
    """How loud the finished piece is: LUFS (ITU-R BS.1770), and its highest sample in dB of full scale."""

    loudness_lufs: float
    peak_dbfs: float


class RawMix:
    """A mix on its way to being mastered: 32-bit floats in a file, and what was measured of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._meter = LoudnessMeter()
        self._peaks: list[FloatArray] = []

    def write(self, blocks: Iterable[FloatArray]) -> None:
        """Takes the whole mix, in blocks of shape (2, n) of which only the last may be short."""
        with self._path.open("wb") as file:
            for block in blocks:
                self._meter.hear(block)
                self._peaks.append(_peaks(block))
                file.write(block.T.astype("<f4").tobytes())

    def master(self, path: Path, progress: Callable[[float], None]) -> Levels:
        """Writes the finished piece as 16-bit WAV and removes the raw mix; `progress` takes 0 to 1."""
        loudness = self._meter.energy()
        volume = float(np.sqrt(_TARGET_ENERGY / loudness)) if loudness else 1.0
        gains = _gains(np.concatenate(self._peaks) * volume) * volume
        meter, peak = LoudnessMeter(), 0.0
        with self._path.open("rb") as raw, wave.open(str(path), "wb") as file:
            file.setparams((_CHANNELS, _SAMPLE_BYTES, RATE, 0, "NONE", "not compressed"))
            steps = BLOCK // _STEP
            for first in range(0, len(gains) - 1, steps):
                data = np.frombuffer(raw.read(BLOCK * _CHANNELS * 4), "<f4")
                block = data.reshape(-1, _CHANNELS).T.astype(np.float64)
                block *= _lines(gains[first : first + steps + 1])[: block.shape[1]]
                meter.hear(block)
                peak = max(peak, float(np.abs(block).max()))
                file.writeframesraw(_samples(block, first * _STEP))
                progress(min(1.0, (first + steps) / len(gains)))
        self._path.unlink()
        return Levels(round(lufs(meter.energy()), 2), round(20.0 * float(np.log10(max(peak, 1e-9))), 2))


def _peaks(block: FloatArray) -> FloatArray:
    """Returns the largest absolute sample of each 64, the last ones filled up with silence."""
    highest = np.abs(block).max(axis=0)
    padded = np.zeros(-(-len(highest) // _STEP) * _STEP)
    padded[: len(highest)] = highest
    largest: FloatArray = padded.reshape(-1, _STEP).max(axis=1)
    return largest


def _gains(peaks: FloatArray) -> FloatArray:
    """Returns the gain at the beginning of each step and at the end of the last, shape (steps + 1,)."""
    allowed = np.minimum(_CEILING / np.maximum(peaks, _CEILING), 1.0)
    allowed = np.concatenate((allowed, np.ones(_AHEAD + 1)))
    points = len(peaks) + 1
    # A point bounds the steps on both of its sides.
    target = np.minimum(np.concatenate((allowed[:1], allowed[: points - 1])), allowed[:points])
    for ahead in range(1, _AHEAD + 1):
        coming = allowed[ahead : ahead + points]
        target = np.minimum(target, coming + (1.0 - coming) * (ahead / (_AHEAD + 1)))
    gains, gain = [], 1.0
    for wanted in target.tolist():
        gain = min(wanted, gain + (1.0 - gain) * _RECOVERY)
        gains.append(gain)
    return np.array(gains)


def _lines(points: FloatArray) -> FloatArray:
    """Returns the gain of each sample between the points."""
    part = np.arange(_STEP) * (1.0 / _STEP)
    rising = points[:-1, None] + (points[1:] - points[:-1])[:, None] * part
    return rising.reshape(-1)


def _samples(block: FloatArray, start: int) -> bytes:
    """Returns 16-bit samples, dithered by the differences of white noise: a triangle, mostly high."""
    count = block.shape[1]
    noise = np.stack([exact.white(_DITHER_SEED + channel, count + 1, start) for channel in range(_CHANNELS)])
    dithered = np.rint(block * _FULL_SCALE + (noise[:, 1:] - noise[:, :-1]))
    return np.clip(dithered, -32_768, 32_767).T.astype("<i2").tobytes()
