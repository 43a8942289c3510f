"""Draws the sand figure of a plate, band by band, so that memory does not grow with the picture.

Each pixel is the mean of 2 x 2 samples, averaged as light and not as sRGB numbers. Sand lies where the
plate rests: its density falls off with the distance to the nodal line, which is |w| / |grad w| to first
order, and with the swing itself, so that lines have an even width and calm areas are dusted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from task_svc.cymatics.bessel import FloatArray
from task_svc.cymatics.palettes import Palette, colour, encode_srgb, ramp
from task_svc.cymatics.plates import Plate

Progress = Callable[[float], None]

_SAMPLES: Final = 2
_BAND_ROWS: Final = 64
_COARSE: Final = 256
# The plate fills this part of the picture's half side.
_PLATE_SHARE: Final = 0.94


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn: the picture's side in pixels, its colours, the grain's seed and the wave number."""

    size_pixels: int
    palette: Palette
    seed: int
    wave_number: float


def render(plate: Plate, canvas: Canvas, progress: Progress) -> NDArray[np.uint8]:
    """Returns sRGB of shape (size, size, 3); `progress` gets a part of 1 after each band."""
    size = canvas.size_pixels
    picture = np.empty((size, size, 3), np.uint8)
    brush = _Brush(plate, canvas)
    for top in range(0, size, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, size)
        picture[top:bottom] = brush.band(top, bottom)
        progress(bottom / size)
    return picture


class _Brush:
    """The colours and measures of one picture."""

    def __init__(self, plate: Plate, canvas: Canvas) -> None:
        self._plate, self._canvas = plate, canvas
        self._fine = canvas.size_pixels * _SAMPLES
        # One fine pixel in the plate's units.
        self._pixel = 2.0 / (_PLATE_SHARE * self._fine)
        self._x = self._positions(np.arange(self._fine)).reshape(1, -1)
        self._plate_ramp = ramp(canvas.palette.plate)
        self._sand, self._ground = colour(canvas.palette.sand), colour(canvas.palette.ground)
        self._typical = _typical_swing(plate)

    def band(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Returns the rows top ... bottom - 1."""
        rows = np.arange(top * _SAMPLES - 1, bottom * _SAMPLES + 1)
        y: FloatArray = self._positions(rows).reshape(-1, 1)
        swing: FloatArray = self._plate.swing(self._x, y) / self._typical
        # The rows at both ends are there for the slope only.
        down = (swing[2:] - swing[:-2]) / (2.0 * self._pixel)
        swing, y = swing[1:-1], y[1:-1]
        across = np.gradient(swing, self._pixel, axis=1)
        light = self._light(swing, down, across, self._plate.depth(self._x, y), top)
        size = self._canvas.size_pixels
        mean = light.reshape(bottom - top, _SAMPLES, size, _SAMPLES, 3).mean(axis=(1, 3))
        return encode_srgb(mean)

    def _positions(self, indices: NDArray[np.intp]) -> FloatArray:
        offsets: FloatArray = indices.astype(np.float64) + 0.5 - self._fine / 2.0
        return offsets * self._pixel

    def _light(
        self, swing: FloatArray, down: FloatArray, across: FloatArray, depth: FloatArray, top: int
    ) -> FloatArray:
        k = self._canvas.wave_number
        slope = np.sqrt(down * down + across * across)
        strength = np.abs(swing)
        # In quarter waves: 0 on the nodal line, about 1 on the crest.
        distance = strength / np.sqrt((slope / k) ** 2 + 0.02)
        # A line is never thinner than 1.2 fine pixels, so that small pictures do not break up.
        width = max(0.20, 1.2 * self._pixel * k)
        sand = np.exp(-((distance / width) ** 2)) + 0.35 * np.exp(-((strength / 0.30) ** 2))
        grain = np.random.default_rng([self._canvas.seed, top]).random(swing.shape)
        sand = np.clip(sand * (0.72 + 0.56 * grain), 0.0, 1.0)
        shade = self._shade(down, across)
        glow = np.clip(strength / 2.2, 0.0, 1.0) ** 0.8
        index = (glow * (len(self._plate_ramp) - 1)).astype(np.intp)
        plate = self._plate_ramp[index] * shade[..., None]
        light = plate * (1.0 - sand[..., None]) + self._sand * sand[..., None]
        edge = np.clip(depth / (2.0 * self._pixel) + 0.5, 0.0, 1.0)[..., None]
        return light * edge + self._ground * (1.0 - edge)

    def _shade(self, down: FloatArray, across: FloatArray) -> FloatArray:
        """Returns the light from the upper left on the swinging surface, about 1 where it is flat."""
        tilt = 0.35 / self._canvas.wave_number
        facing = (1.0 + 0.7 * tilt * (down + across)) / np.sqrt(
            1.0 + tilt**2 * (down * down + across * across)
        )
        shaded: FloatArray = np.clip(0.25 + 0.75 * facing, 0.0, 1.8)
        return shaded


def _typical_swing(plate: Plate) -> float:
    """Returns the root mean square of the plate's displacement, by which pictures are made equally bright."""
    at = (np.arange(_COARSE, dtype=np.float64) + 0.5) * (2.0 / _COARSE) - 1.0
    row, column = at.reshape(1, -1), at.reshape(-1, 1)
    inside = plate.depth(row, column) > 0
    return float(np.sqrt(np.mean(plate.swing(row, column)[inside] ** 2)))
