"""Gradient: folds of silk, from one colour to the next without a step between them.

Places in the ramp are a slow field bent by noise; the folds are lit along the field's own slope, and the
result is dithered, since eight bits are too few for so slow a change.
"""

from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.canvas import Progress, Scene, mixed, shaded, smoothstep
from task_svc.art.noise import Noise
from task_svc.colour import Picture, along, ramp
from task_svc.exact import FloatArray

_STEP: Final = 0.004


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    return shaded(scene, _Silk(scene), progress, samples=1)


class _Silk:
    """A cloth in a slow wind."""

    def __init__(self, scene: Scene) -> None:
        palette = scene.palette
        dice = scene.dice(8, 12)
        self._noise = Noise(scene.seed + 21)
        self._shift = 30.0 + 60.0 * dice[0]
        turn = np.array([dice[1]])
        self._along = (float(exact.cosine(turn)[0]), float(exact.sine(turn)[0]))
        self._folds = 0.62 + 0.3 * dice[2]
        accents = palette.accents
        self._ramp = ramp((palette.ramp[1], palette.ramp[2], accents[1], palette.ramp[3], palette.ramp[4]))
        self._other = ramp((accents[0], palette.ramp[2], accents[4], accents[3], palette.paper))

    def __call__(self, x: FloatArray, y: FloatArray) -> FloatArray:
        here = self._height(x, y)
        across = (self._height(x + _STEP, y) - here) / _STEP
        down = (self._height(x, y + _STEP) - here) / _STEP
        slow = self._noise.octaves(x * 0.5 + 7.0, y * 0.5 + self._shift, 2)
        place = 0.5 + 0.30 * here + 0.30 * (x * self._along[1] - y * self._along[0])
        light = along(self._ramp, place)
        light = mixed(light, along(self._other, place + 0.12 * slow), smoothstep(-0.35, 0.5, slow))
        steep = 1.0 / np.sqrt(1.0 + 0.05 * (across * across + down * down))
        facing = (1.0 - 0.16 * (across + down)) * steep
        shade = np.clip(0.55 + 0.45 * facing, 0.35, 1.35)
        return np.clip(light * shade[..., None], 0.0, 1.0)

    def _height(self, x: FloatArray, y: FloatArray) -> FloatArray:
        x, y = np.broadcast_arrays(x, y)
        bend = self._noise.octaves(x * 0.55 + self._shift, y * 0.55 + 3.0, 2, 0.3)
        turned = x * self._along[0] + y * self._along[1]
        wave = exact.sine(self._folds * (turned + 1.15 * bend) + 0.35 * bend)
        fine = exact.sine(2.1 * self._folds * (turned + 1.3 * bend) + 0.2)
        return wave + 0.22 * fine
