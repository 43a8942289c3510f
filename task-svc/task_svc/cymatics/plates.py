"""The swing of a plate at any point, from its modes."""

from typing import Final, Protocol

import numpy as np

from task_svc import exact
from task_svc.cymatics.bessel import bessel_j
from task_svc.cymatics.modes import Excitation
from task_svc.exact import FloatArray

# Radial profiles are tabulated this finely: at the highest wave number, 190, 45 points a half wave.
_TABLE_POINTS: Final = 4096


class Plate(Protocol):
    """A plate in the square -1 ... 1.

    Attributes:
        half_width: How far it reaches from the middle to the side.
        half_height: How far it reaches from the middle upwards.
    """

    half_width: float
    half_height: float

    def swing(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns the displacement at each point; x is a row and y a column, the answer their grid."""

    def depth(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns how far inside the plate each point lies (negative outside), in the units of x and y."""


class RoundPlate:
    """A disc of radius 1 around the origin."""

    half_width = half_height = 1.0

    def __init__(self, excitation: Excitation) -> None:
        radii = np.arange(_TABLE_POINTS) * (1.0 / (_TABLE_POINTS - 1))
        self._fold = excitation.fold
        self._profiles: dict[int, FloatArray] = {}
        for mode in excitation.modes:
            places = np.append(mode.wave_number * radii, mode.wave_number)
            values = bessel_j((mode.first, mode.first + 1), places)
            # Modes of the unit disc are made equally strong, as in `modes`.
            shape = mode.amplitude * values[0, :-1] / np.abs(values[1, -1])
            known = self._profiles.get(mode.first)
            self._profiles[mode.first] = shape if known is None else known + shape

    def swing(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """See `Plate`."""
        radius = np.sqrt(x * x + y * y)
        safe = np.maximum(radius, 1e-12)
        step = _powers(x / safe, y / safe, self._fold)
        total = np.zeros_like(radius)
        cosine, sine, reached = np.ones_like(radius), np.zeros_like(radius), 0
        for order in sorted(self._profiles):
            while reached < order:
                cosine, sine = cosine * step[0] - sine * step[1], sine * step[0] + cosine * step[1]
                reached += self._fold
            total += _looked_up(self._profiles[order], radius) * cosine
        return total

    def depth(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """See `Plate`."""
        depths: FloatArray = 1.0 - np.sqrt(x * x + y * y)
        return depths


class SquarePlate:
    """A square with the sides at -1 and 1; both diagonals are lines of symmetry."""

    half_width = half_height = 1.0

    def __init__(self, excitation: Excitation) -> None:
        self._modes = excitation.modes
        self._parity = excitation.fold

    def swing(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """See `Plate`."""
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape))
        along_x, along_y = (x + 1.0) * 0.25, (y + 1.0) * 0.25  # in turns for each half wave
        for mode in self._modes:
            one = exact.cosine(mode.first * along_x) * exact.cosine(mode.second * along_y)
            other = exact.cosine(mode.second * along_x) * exact.cosine(mode.first * along_y)
            total += mode.amplitude * (one + self._parity * other)
        return total

    def depth(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """See `Plate`."""
        return np.minimum(1.0 - np.abs(x), 1.0 - np.abs(y))


class RectangularPlate:
    """A rectangle around the origin, as wide as it is high times the aspect ratio; the longer side is 2."""

    def __init__(self, excitation: Excitation, half_width: float, half_height: float) -> None:
        self._modes = excitation.modes
        self.half_width, self.half_height = half_width, half_height

    def swing(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """See `Plate`."""
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape))
        # In turns for each half wave.
        along_x, along_y = (x / self.half_width + 1.0) * 0.25, (y / self.half_height + 1.0) * 0.25
        for mode in self._modes:
            across = exact.cosine(mode.first * along_x)
            total += mode.amplitude * (across * exact.cosine(mode.second * along_y))
        return total

    def depth(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """See `Plate`."""
        return np.minimum(self.half_width - np.abs(x), self.half_height - np.abs(y))


def _looked_up(table: FloatArray, radius: FloatArray) -> FloatArray:
    """Returns a table's values between its points, which run from radius 0 to 1; 0 beyond them."""
    place = radius * (_TABLE_POINTS - 1)
    left = np.minimum(place.astype(np.intp), _TABLE_POINTS - 2)
    low = table[left]
    return np.where(radius <= 1.0, low + (table[left + 1] - low) * (place - left), 0.0)


def _powers(cosine: FloatArray, sine: FloatArray, exponent: int) -> tuple[FloatArray, FloatArray]:
    """Returns cos(n t) and sin(n t) from cos t and sin t by repeated squaring (de Moivre)."""
    total_c, total_s = np.ones_like(cosine), np.zeros_like(sine)
    while exponent:
        if exponent & 1:
            total_c, total_s = total_c * cosine - total_s * sine, total_s * cosine + total_c * sine
        cosine, sine, exponent = cosine * cosine - sine * sine, 2.0 * sine * cosine, exponent >> 1
    return total_c, total_s
