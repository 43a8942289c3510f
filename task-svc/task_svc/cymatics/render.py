"""Draws the sand figure of a plate, band by band, so that memory does not grow with the picture.

Each pixel is the mean of 2 x 2 samples, averaged as light and not as sRGB numbers. Sand lies where the
plate rests: its density falls off with the distance to the nodal line, which is |w| / |grad w| to first
order, and with the swing itself, so that lines have an even width and calm areas are dusted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from task_svc import exact
from task_svc.colour import Picture, colour, encode_srgb, ramp
from task_svc.cymatics.palettes import Palette
from task_svc.cymatics.plates import Plate
from task_svc.exact import FloatArray

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


def render(plate: Plate, canvas: Canvas, progress: Progress) -> Picture:
    """Returns sRGB of shape (size, size, 3); `progress` gets a part of 1 after each band."""
    picture: Picture = render_moments(plate, canvas, (1.0,), progress)[0]
    return picture


def render_moments(
    plate: Plate, canvas: Canvas, moments: Sequence[float], progress: Progress
) -> NDArray[np.uint8]:
    """Returns sRGB of shape (moments, size, size, 3): the plate at parts (-1 to 1) of its full swing.

    The sand lies still, where the full swing is least.
    """
    size = canvas.size_pixels
    pictures = np.empty((len(moments), size, size, 3), np.uint8)
    brush = _Brush(plate, canvas)
    for top in range(0, size, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, size)
        brush.band(pictures[:, top:bottom], top, moments)
        progress(bottom / size)
    return pictures


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

    def band(self, pictures: NDArray[np.uint8], top: int, moments: Sequence[float]) -> None:
        """Draws the rows from `top` on, as many as `pictures` has, at each moment."""
        count = pictures.shape[1]
        rows = np.arange(top * _SAMPLES - 1, (top + count) * _SAMPLES + 1)
        y: FloatArray = self._positions(rows).reshape(-1, 1)
        swing: FloatArray = self._plate.swing(self._x, y) / self._typical
        # The rows at both ends are there for the slope only.
        down = (swing[2:] - swing[:-2]) / (2.0 * self._pixel)
        swing, y = swing[1:-1], y[1:-1]
        across = _slope(swing, self._pixel)
        sand = self._strewn(swing, np.sqrt(down * down + across * across), top)
        edge = np.clip(self._plate.depth(self._x, y) / (2.0 * self._pixel) + 0.5, 0.0, 1.0)[..., None]
        for picture, part in zip(pictures, moments, strict=True):
            metal = self._metal(swing * part, down * part, across * part)
            light = (metal * (1.0 - sand) + self._sand * sand) * edge + self._ground * (1.0 - edge)
            picture[:] = encode_srgb(_pixels(light))

    def _positions(self, indices: NDArray[np.intp]) -> FloatArray:
        offsets: FloatArray = indices.astype(np.float64) + 0.5 - self._fine / 2.0
        return offsets * self._pixel

    def _strewn(self, swing: FloatArray, slope: FloatArray, top: int) -> FloatArray:
        """Returns how much of each sample the sand covers, with one more axis."""
        k = self._canvas.wave_number
        strength = np.abs(swing)
        # In quarter waves: 0 on the nodal line, about 1 on the crest.
        distance = strength / np.sqrt(slope * slope / (k * k) + 0.02)
        # A line is never thinner than 1.2 fine pixels, so that small pictures do not break up.
        width = max(0.20, 1.2 * self._pixel * k)
        line, calm = distance / width, strength / 0.30
        sand = exact.exp(-line * line) + 0.35 * exact.exp(-calm * calm)
        start = top * _SAMPLES * self._fine
        grain = exact.white(self._canvas.seed, swing.size, start).reshape(swing.shape)
        covered: FloatArray = np.clip(sand * (0.72 + 0.56 * grain), 0.0, 1.0)[..., None]
        return covered

    def _metal(self, swing: FloatArray, down: FloatArray, across: FloatArray) -> FloatArray:
        glow = exact.power(np.clip(np.abs(swing) / 2.2, 0.0, 1.0), 0.8)
        index = (glow * (len(self._plate_ramp) - 1)).astype(np.intp)
        metal: FloatArray = self._plate_ramp[index] * self._shade(down, across)[..., None]
        return metal

    def _shade(self, down: FloatArray, across: FloatArray) -> FloatArray:
        """Returns the light from the upper left on the swinging surface, about 1 where it is flat."""
        tilt = 0.35 / self._canvas.wave_number
        facing = (1.0 + 0.7 * tilt * (down + across)) / np.sqrt(
            1.0 + tilt * tilt * (down * down + across * across)
        )
        shaded: FloatArray = np.clip(0.25 + 0.75 * facing, 0.0, 1.8)
        return shaded


def _slope(swing: FloatArray, pixel: float) -> FloatArray:
    """Returns the slope along the rows, one-sided at their ends."""
    slope = np.empty_like(swing)
    slope[:, 1:-1] = (swing[:, 2:] - swing[:, :-2]) / (2.0 * pixel)
    slope[:, 0], slope[:, -1] = slope[:, 1], slope[:, -2]
    return slope


def _pixels(light: FloatArray) -> FloatArray:
    """Returns the mean of the samples of each pixel, as light and in a fixed order."""
    rows = light[::2] + light[1::2]
    mean: FloatArray = (rows[:, ::2] + rows[:, 1::2]) * 0.25
    return mean


def _typical_swing(plate: Plate) -> float:
    """Returns the root mean square of the plate's displacement, by which pictures are made equally bright."""
    at = (np.arange(_COARSE, dtype=np.float64) + 0.5) * (2.0 / _COARSE) - 1.0
    row, column = at.reshape(1, -1), at.reshape(-1, 1)
    swing = plate.swing(row, column)[plate.depth(row, column) > 0]
    return math.sqrt(exact.total(swing * swing) / swing.size)
