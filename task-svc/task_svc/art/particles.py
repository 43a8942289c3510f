"""Particles: thousands of them drift along a flow field, and the light of their ways adds up.

The field is the curl of noise, so that nothing flows together or apart (Robert Bridson et al., "Curl-noise
for procedural fluid flow", 2007), with a few vortices; each particle lays its light into the four
nearest pixels.
"""

from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.canvas import Progress, Scene, developed
from task_svc.art.noise import Noise
from task_svc.colour import Picture, along, colour, ramp
from task_svc.exact import FloatArray

_PARTICLES: Final = 7_000
_STEPS: Final = 260  # for a picture of 1024 pixels; a step is one pixel
_SLOPE_STEP: Final = 0.01
_TRACED: Final = 0.95
_ENTROPY: Final = 0.06


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    size = scene.size
    flow = _Flow(scene)
    x, y, place, power = _sown(scene, flow)
    colours = along(_trail_colours(scene), place)
    light = np.zeros((3, (size + 2) * (size + 2)))
    steps = max(24, _STEPS * size // 1024)
    for step in range(steps):
        age = (step + 0.5) / steps
        _lay(light, x, y, colours * (power * 4.0 * age * (1.0 - age))[:, None], size)
        dx, dy = flow.at(x, y)
        x, y = x + dx * (2.0 / size), y + dy * (2.0 / size)
        progress(_TRACED * (step + 1) / steps)
    sheet = light.reshape(3, size + 2, size + 2)[:, 1:-1, 1:-1].transpose(1, 2, 0) * (size / 1024.0)
    shine = 1.0 - exact.exp(sheet * -2.1)
    return developed(_backdrop(scene) * (1.0 - shine.max(axis=2))[..., None] + shine, scene.seed)


def _trail_colours(scene: Scene) -> FloatArray:
    stops = scene.palette.ramp
    return ramp((stops[1], stops[2], scene.palette.accents[1], stops[3], scene.palette.accents[3], stops[4]))


def _sown(scene: Scene, flow: "_Flow") -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Returns where the particles start, what part of the ramp colours them, and how bright they are."""
    dice = exact.white(scene.seed * 64 + 6, 4 * _PARTICLES).reshape(4, -1)
    x, y = dice[0] * 2.5 - 1.25, dice[1] * 2.5 - 1.25
    place = 0.5 + 0.62 * flow.tint(x, y) + _ENTROPY * (dice[2] - 0.5)
    bright = dice[3] * dice[3]
    return x, y, np.clip(place, 0.0, 1.0), 0.05 + 0.34 * bright * bright


class _Flow:
    """A field of directions, of length 1 everywhere."""

    def __init__(self, scene: Scene) -> None:
        self._noise = Noise(scene.seed)
        dice = scene.dice(7, 16)
        self._shift = (80.0 * dice[0] + 40.0, 80.0 * dice[1] + 40.0)
        self._scale = 0.75 + 0.5 * dice[2]
        self._eddies = [
            (
                1.3 * (dice[3 + 3 * n] - 0.5),
                1.3 * (dice[4 + 3 * n] - 0.5),
                1.0 if dice[5 + 3 * n] > 0.5 else -1.0,
            )
            for n in range(2)
        ]

    def at(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the direction at each point."""
        step = _SLOPE_STEP
        across = (self._stream(x + step, y) - self._stream(x - step, y)) / (2.0 * step)
        down = (self._stream(x, y + step) - self._stream(x, y - step)) / (2.0 * step)
        length = np.sqrt(across * across + down * down) + 1e-9
        return down / length, -across / length

    def tint(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns a slow field, about -1 to 1, for colours."""
        return self._noise.octaves(x * 0.7 + 11.0, y * 0.7 + 23.0, 2)

    def _stream(self, x: FloatArray, y: FloatArray) -> FloatArray:
        scale = self._scale
        value = self._noise.octaves(x * scale + self._shift[0], y * scale + self._shift[1], 2, 0.35)
        for at_x, at_y, sign in self._eddies:
            dx, dy = x - at_x, y - at_y
            value = value + sign * 0.55 / (1.0 + 5.0 * (dx * dx + dy * dy))
        return value


def _lay(light: FloatArray, x: FloatArray, y: FloatArray, colours: FloatArray, size: int) -> None:
    """Adds each particle's light to the four pixels around it; the sheet has a rim of one pixel."""
    at_x, at_y = (x + 1.0) * (size / 2.0) + 0.5, (y + 1.0) * (size / 2.0) + 0.5
    seen = (at_x >= 0) & (at_y >= 0) & (at_x < size + 1) & (at_y < size + 1)
    at_x, at_y, colours = at_x[seen], at_y[seen], colours[seen]
    left, top = at_x.astype(np.intp), at_y.astype(np.intp)
    u, v = at_x - left, at_y - top
    corner = top * (size + 2) + left
    for shift, share in (
        (0, (1.0 - u) * (1.0 - v)),
        (1, u * (1.0 - v)),
        (size + 2, (1.0 - u) * v),
        (size + 3, u * v),
    ):
        for channel in range(3):
            np.add.at(light[channel], corner + shift, colours[:, channel] * share)


def _backdrop(scene: Scene) -> FloatArray:
    at = (np.arange(scene.size) + 0.5) * (2.0 / scene.size) - 1.0
    x, y = at.reshape(1, -1), at.reshape(-1, 1)
    dark, less_dark = colour(scene.palette.ground), colour(scene.palette.ramp[0])
    middle = 1.0 / (1.0 + 1.6 * (x * x + y * y))
    return dark * 0.6 + (less_dark - dark * 0.6) * (0.8 * middle)[..., None]
