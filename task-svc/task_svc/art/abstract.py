"""Abstract: noise that is bent by noise that is bent by noise, lit like poured paint.

Domain warping after Inigo Quilez, "Domain warping" (2002): f(p + 4 r), r = f(p + 4 q), q = f(p).
"""

from typing import Final

import numpy as np

from task_svc.art.canvas import Progress, Scene, developed, mixed, smoothstep
from task_svc.art.noise import Noise
from task_svc.colour import Picture, along, colour, ramp
from task_svc.exact import FloatArray

_BAND_ROWS: Final = 32
_SCALE: Final = 0.62
_DEPTH: Final = 0.13  # height of the paint in half sides of the picture
_FIELDS_DONE: Final = 0.8


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    height, bend, turn = _fields(scene, lambda part: progress(part * _FIELDS_DONE))
    picture = np.empty((scene.size, scene.size, 3), np.uint8)
    ink = _Ink(scene)
    for top in range(0, scene.size, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, scene.size)
        rows = np.clip(np.arange(top - 1, bottom + 1), 0, scene.size - 1)
        light = ink.light(height[rows], bend[top:bottom], turn[top:bottom])
        picture[top:bottom] = developed(light, scene.seed, top)
        progress(_FIELDS_DONE + (1.0 - _FIELDS_DONE) * bottom / scene.size)
    return picture


def _fields(scene: Scene, progress: Progress) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns the height of the paint, and how far and which way it was bent, of shape (size, size)."""
    size = scene.size
    noise = Noise(scene.seed)
    shift_x, shift_y, turning = (100.0 * each for each in scene.dice(1, 3))
    fields = np.empty((3, size, size))
    at: FloatArray = ((np.arange(size, dtype=np.float64) + 0.5) * (2.0 / size) - 1.0) * _SCALE
    x = at[None, :] + shift_x
    for top in range(0, size, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, size)
        y = at[top:bottom, None] + shift_y
        qx = noise.octaves(x, y, 2)
        qy = noise.octaves(x + 5.2 + turning, y + 1.3, 2)
        rx = noise.octaves(x + 1.5 * qx + 1.7, y + 1.5 * qy + 9.2, 2)
        ry = noise.octaves(x + 1.5 * qx + 8.3, y + 1.5 * qy + 2.8, 2)
        fields[0, top:bottom] = noise.octaves(x + 1.9 * rx, y + 1.9 * ry, 3, 0.4)
        fields[1, top:bottom] = np.sqrt(qx * qx + qy * qy)
        fields[2, top:bottom] = ry
        progress(bottom / size)
    return fields[0], fields[1], fields[2]


class _Ink:
    """The colours of the paint and the lamp above it."""

    def __init__(self, scene: Scene) -> None:
        palette = scene.palette
        self._ramp = ramp(palette.ramp)
        chosen = sorted(scene.dice(2, len(palette.accents)))
        first = int(chosen[0] * 97) % len(palette.accents)
        self._warm = colour(palette.accents[-1 - first % 2])
        self._cool = colour(palette.accents[first % 3])
        self._slope = _DEPTH * scene.size / 4.0

    def light(self, height: FloatArray, bend: FloatArray, turn: FloatArray) -> FloatArray:
        """Returns the light of some rows; `height` has one row more above and below."""
        down = (height[2:] - height[:-2]) * self._slope
        across = np.zeros_like(down)
        across[:, 1:-1] = (height[1:-1, 2:] - height[1:-1, :-2]) * self._slope
        across[:, 0], across[:, -1] = across[:, 1], across[:, -2]
        here = height[1:-1]
        paint = along(self._ramp, 0.5 + 0.52 * here + 0.22 * (bend - 0.45))
        paint = mixed(paint, np.broadcast_to(self._warm, paint.shape), 0.75 * smoothstep(0.1, 0.75, turn))
        paint = mixed(paint, np.broadcast_to(self._cool, paint.shape), 0.7 * smoothstep(-0.15, -0.8, turn))
        steep = 1.0 / np.sqrt(1.0 + down * down + across * across)
        facing = (0.8 - 0.42 * across - 0.42 * down) * steep
        shade = 0.42 + 0.72 * np.maximum(facing, 0.0)
        gleam = np.maximum(facing, 0.0)
        for _ in range(4):
            gleam = gleam * gleam
        return paint * shade[..., None] + 0.16 * gleam[..., None]
