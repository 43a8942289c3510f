"""Gradient noise in the plane (Ken Perlin, 2002), its sums over octaves, and noise along a line."""

from typing import Final

import numpy as np

from task_svc import exact
from task_svc.exact import FloatArray

_SIDE: Final = 256  # lattice points after which the noise repeats itself
_GAIN: Final = 1.6  # brings one octave to about -1 ... 1


class Noise:
    """A field of smooth noise; the same seed is the same field."""

    def __init__(self, seed: int) -> None:
        turns = exact.white(seed, _SIDE * _SIDE)
        self._across, self._down = exact.cosine(turns), exact.sine(turns)

    def at(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns the noise, about -1 to 1, at points whose unit is the lattice's step."""
        x, y = np.broadcast_arrays(x, y)
        left, top = np.floor(x), np.floor(y)
        u, v = x - left, y - top
        column, row = left.astype(np.intp) % _SIDE, top.astype(np.intp) % _SIDE
        right, below = (column + 1) % _SIDE, (row + 1) % _SIDE * _SIDE
        row = row * _SIDE
        s = u * u * u * (u * (u * 6.0 - 15.0) + 10.0)
        t = v * v * v * (v * (v * 6.0 - 15.0) + 10.0)
        upper = self._corner(row + column, u, v)
        upper += (self._corner(row + right, u - 1.0, v) - upper) * s
        lower = self._corner(below + column, u, v - 1.0)
        lower += (self._corner(below + right, u - 1.0, v - 1.0) - lower) * s
        upper += (lower - upper) * t
        upper *= _GAIN
        return upper

    def octaves(self, x: FloatArray, y: FloatArray, count: int, gain: float = 0.5) -> FloatArray:
        """Returns the sum of `count` octaves, each `gain` times as strong as the last; about -1 to 1."""
        total, strength, power = self.at(x, y), 1.0, 1.0
        for octave in range(1, count):
            # Turned by about 37 degrees and shifted, so that the lattices do not lie upon each other.
            x, y = 1.6 * x - 1.2 * y + 7.31 * octave, 1.2 * x + 1.6 * y - 3.17
            strength *= gain
            power += strength
            total = total + strength * self.at(x, y)
        return total / (0.5 + 0.5 * power)

    def _corner(self, index: np.ndarray, u: FloatArray, v: FloatArray) -> FloatArray:
        value: FloatArray = self._across.take(index)
        value *= u
        value += self._down.take(index) * v
        return value
