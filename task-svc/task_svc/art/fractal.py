"""Fractal: a Julia set by escape time, coloured smoothly and lit along the slope of its potential.

Smooth escape count: n + 1 - log2(log2 |z|). The slope follows from the derivative dz' = 2 z dz, as in Arnaud
Cheritat, "Techniques for computer generated pictures in complex dynamics" (2012). Complex numbers are pairs
of reals here, whose products every machine rounds alike.
"""

from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.canvas import Progress, Scene, shaded, smoothstep
from task_svc.colour import Picture, along, colour, ramp
from task_svc.exact import FloatArray

_MOST_STEPS: Final = 260
_ESCAPE: Final = 1.0e4  # square of the radius beyond which a point has escaped
# Constants c whose sets are connected or nearly so, with the half side of the view: places of Mandelbrot's
# set whose look is known. The seed moves c a little, and turns and shifts the view.
_PLACES: Final = (
    (-0.7269, 0.1889, 0.95),
    (-0.8, 0.156, 1.0),
    (0.285, 0.01, 0.95),
    (-0.4, 0.6, 0.98),
    (-0.70176, -0.3842, 0.98),
    (-0.835, -0.2321, 0.95),
    (0.355, 0.355, 0.98),
    (-0.162, 1.04, 0.98),
    (-0.5125, 0.5213, 0.98),
    (0.37, -0.1, 0.95),
)


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    return shaded(scene, _Julia(scene), progress)


class _Julia:
    """The set of one constant, seen from above."""

    def __init__(self, scene: Scene) -> None:
        dice = scene.dice(4, 8)
        real, imaginary, view = _PLACES[int(dice[0] * len(_PLACES))]
        self._c = (real + 0.004 * (dice[1] - 0.5), imaginary + 0.004 * (dice[2] - 0.5))
        turn = np.array([0.04 + 0.14 * dice[3]])
        self._turn = (float(exact.cosine(turn)[0]) * view, float(exact.sine(turn)[0]) * view)
        self._middle = (0.5 * (dice[4] - 0.5), 0.34 * (dice[5] - 0.5))
        self._ramp = ramp((*scene.palette.ramp, *scene.palette.ramp[-2:0:-1], scene.palette.ramp[0]))
        self._shift = dice[6]
        self._glow = colour(scene.palette.accents[int(dice[7] * 3)])
        self._inside = colour(scene.palette.ground)

    def __call__(self, x: FloatArray, y: FloatArray) -> FloatArray:
        cosine, sine = self._turn
        real = x * cosine - y * sine + self._middle[0]
        imaginary = x * sine + y * cosine + self._middle[1]
        steps, slope, near = self._escape(real.ravel(), imaginary.ravel())
        shape = real.shape
        inside = steps < 0
        depth = exact.log2(np.maximum(steps, 0.0) + 2.0)
        place = depth * 0.42 + self._shift
        light = along(self._ramp, place - np.floor(place))
        light = light * (0.35 + 0.65 * smoothstep(-0.7, 0.9, slope))[:, None] * 1.25
        light = light + self._glow * (0.55 * smoothstep(4.2, 7.5, depth))[:, None]
        basin = self._inside + self._glow * (0.5 * smoothstep(0.35, 0.0, near))[:, None]
        light = np.where(inside[:, None], basin, light)
        return light.reshape(*shape, 3)

    def _escape(self, zr: FloatArray, zi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Returns the smooth count (-1 for points that stay), the slope towards the lamp, the least |z|."""
        steps, slope = np.full(zr.shape, -1.0), np.zeros(zr.shape)
        near = np.full(zr.shape, 9.0)
        dr, di = np.ones_like(zr), np.zeros_like(zr)
        here, close = np.arange(len(zr)), np.full(zr.shape, 9.0)
        for step in range(_MOST_STEPS):
            dr, di = 2.0 * (zr * dr - zi * di), 2.0 * (zr * di + zi * dr)
            zr, zi = zr * zr - zi * zi + self._c[0], 2.0 * zr * zi + self._c[1]
            size = zr * zr + zi * zi
            np.minimum(close, size, out=close)
            gone = size > _ESCAPE
            if gone.any():
                out = here[gone]
                steps[out] = step + 1.0 - exact.log2(0.5 * exact.log2(size[gone]))
                slope[out] = _facing(zr[gone], zi[gone], dr[gone], di[gone])
                near[out] = close[gone]
                stay = ~gone
                zr, zi, dr, di, close = (each[stay] for each in (zr, zi, dr, di, close))
                here = here[stay]
        near[here] = close
        return steps, slope, np.sqrt(near)


def _facing(zr: FloatArray, zi: FloatArray, dr: FloatArray, di: FloatArray) -> FloatArray:
    """Returns how far the normal, z / dz made one long, points to the upper left, -1 to 1."""
    across, down = zr * dr + zi * di, zi * dr - zr * di
    length = np.sqrt(across * across + down * down) + 1e-300
    facing: FloatArray = (0.70710678 * across + 0.70710678 * down) / length
    return facing
