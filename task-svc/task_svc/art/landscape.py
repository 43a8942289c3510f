"""Landscape: range behind range of mountains, each paler than the one before it, over a lake or a valley.

Ridges are ridged multifractal noise along a line (F. K. Musgrave, 1994); with the distance the air's colour
takes over exponentially (aerial perspective), and mist lies in the valleys between.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.canvas import Progress, Scene, mixed, shaded, smoothstep
from task_svc.art.noise import Noise
from task_svc.colour import Picture, along, colour, ramp
from task_svc.exact import FloatArray

_RANGES: Final = 6
_SHORE: Final = 0.56
_NO_SHORE: Final = 3.0


@dataclass(frozen=True, slots=True)
class _Range:
    """One range: where it stands, how high, how rough, and how near (0 to 1)."""

    level: float
    height: float
    scale: float
    shift: float
    near: float


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    return shaded(scene, _View(scene), progress)


class _View:
    """What is seen from a hill in the morning or in the evening."""

    def __init__(self, scene: Scene) -> None:
        palette = scene.palette
        dice = scene.dice(12, 8 + 2 * _RANGES)
        self._noise = Noise(scene.seed + 57)
        self._sky = ramp((palette.ramp[2], palette.ramp[3], palette.ramp[4], palette.paper))
        self._far, self._near = colour(palette.ramp[3]), colour(palette.ground)
        self._middle = colour(palette.ramp[1])
        self._sun = colour(max(palette.accents, key=lambda each: (each[2] < 110, each[0])))
        self._sun_at = (1.1 * (dice[0] - 0.5), -0.42 - 0.22 * dice[1])
        self._sun_size = 0.09 + 0.06 * dice[2]
        self._shore = _SHORE if dice[3] < 0.6 else _NO_SHORE
        self._trees = 0.028 + 0.02 * dice[4]
        self._ranges = [self._range(number, dice[8 + 2 * number :]) for number in range(_RANGES)]

    def _range(self, number: int, dice: list[float]) -> _Range:
        near = number / (_RANGES - 1)
        reach = (self._shore if self._shore < 1 else 0.88) - 0.06
        level = -0.08 + (reach + 0.08) * near * (0.55 + 0.45 * near)
        height = 0.60 - 0.36 * near + 0.12 * (dice[0] - 0.5)
        return _Range(level, height, 0.75 + 1.15 * near, 20.0 + 150.0 * dice[1] + 9.0 * number, near)

    def __call__(self, x: FloatArray, y: FloatArray) -> FloatArray:
        pixel = abs(float(x[0, 1] - x[0, 0]))
        if float(y.max()) <= self._shore:
            return self._land(x, y, pixel)
        if float(y.min()) > self._shore:
            return self._lake(x, y, pixel)
        above = int((y[:, 0] <= self._shore).sum())
        parts = self._land(x, y[:above], pixel), self._lake(x, y[above:], pixel)
        return np.concatenate(parts)

    def _lake(self, x: FloatArray, y: FloatArray, pixel: float) -> FloatArray:
        """Returns the land seen again, upside down, drawn long and broken by ripples."""
        depth = y - self._shore
        ripple = self._noise.octaves(x * 2.6 + 9.0, depth * 46.0 / (0.35 + depth) + 70.0, 3)
        mirrored = self._shore - depth * 1.25 + 0.05 * ripple * (0.15 + depth)
        light = self._land(x + 0.07 * ripple * depth, mirrored, pixel)
        light = mixed(light, np.broadcast_to(self._middle, light.shape), 0.16 + 0.55 * depth)
        gleam = smoothstep(0.35, 0.95, ripple) * (0.25 - 0.2 * depth)
        return mixed(light, along(self._sky, 0.7 + 0.0 * ripple), np.clip(gleam, 0.0, 1.0))

    def _land(self, x: FloatArray, y: FloatArray, pixel: float) -> FloatArray:
        ridges = [self._ridge(each, x) for each in self._ranges]
        x, y = np.broadcast_arrays(x, y)
        seen, light = np.ones(x.shape), np.zeros((*x.shape, 3))
        # From the nearest range to the farthest: what lies behind one is not worked out.
        for each, ridge in zip(reversed(self._ranges), reversed(ridges), strict=True):
            below = y - ridge
            share = seen * np.clip(below / pixel + 0.5, 0.0, 1.0)
            here = share > 0
            if here.any():
                light[here] += self._slope(each, x[here], below[here]) * share[here][:, None]
                seen -= share
        here = seen > 0
        if here.any():
            light[here] += self._heaven(x[here], y[here]) * seen[here][:, None]
        return light

    def _heaven(self, x: FloatArray, y: FloatArray) -> FloatArray:
        dx, dy = x - self._sun_at[0], y - self._sun_at[1]
        away = np.sqrt(dx * dx + dy * dy)
        cloud = self._noise.octaves(x * 1.1 + 60.0, y * 4.4 + 20.0 + 0.6 * x, 5)
        height = np.clip((y + 1.0) * 0.85, 0.0, 1.0)
        light = along(self._sky, 0.04 + 0.72 * height)
        glow = 0.62 / (1.0 + (away / 0.30) * (away / 0.30))
        light = mixed(light, np.broadcast_to(self._sun, light.shape), glow)
        disc = smoothstep(self._sun_size + 0.003, self._sun_size - 0.003, away)
        light = mixed(light, np.broadcast_to(0.4 * self._sun + 0.6, light.shape), disc)
        veil = smoothstep(0.08, 0.85, cloud) * (0.75 - 0.4 * height)
        return mixed(light, np.broadcast_to(self._sky[-1], light.shape), veil)

    def _ridge(self, each: _Range, x: FloatArray) -> FloatArray:
        """Returns the height of the skyline over x; the nearest range carries trees."""
        total, strength, weight = np.zeros_like(x), 1.0, np.ones_like(x)
        at = x * each.scale + each.shift
        for octave in range(5):
            peak = 1.0 - np.abs(self._noise.at(at, np.full_like(at, 3.7 + 11.3 * octave)))
            peak = peak * peak * weight
            weight = np.clip(peak * 1.7, 0.0, 1.0)
            total = total + strength * peak
            at, strength = at * 2.03 + 17.0, strength * (0.47 - 0.07 * each.near)
        skyline = each.level + 0.34 - each.height * total * 0.62
        if each.near > 0.75:
            skyline = skyline - self._wood(each, x)
        return skyline

    def _wood(self, each: _Range, x: FloatArray) -> FloatArray:
        """Returns how far the tops of fir trees stand out of the skyline, three rows of them."""
        tops = np.zeros_like(x)
        for row in range(3):
            step = self._trees * (0.5 + 0.25 * row)
            place = x / step + 0.37 * row + each.shift
            number = np.floor(place)
            word = number.astype(np.int64).astype(np.uint32) + np.uint32(row * 7919)
            dice = exact.scattered(word) * (1.0 / 4294967296.0)
            aside = np.abs(place - number - 0.35 - 0.3 * dice) * step
            tall = self._trees * (0.9 + 2.1 * dice * dice) * (1.15 if each.near > 0.9 else 0.7)
            tops = np.maximum(tops, np.maximum(tall - aside * (3.4 + 1.5 * dice), 0.0))
        return tops

    def _slope(self, each: _Range, x: FloatArray, below: FloatArray) -> FloatArray:
        # Three colours on the way: the air's, the mountains' own, the foreground's.
        near = each.near
        if near < 0.6:
            base = self._far + (self._middle - self._far) * (0.25 + 0.75 * near / 0.6)
        else:
            base = self._middle + (self._near - self._middle) * ((near - 0.6) / 0.4)
        relief = self._noise.octaves(x * 5.5 + each.shift, below * 7.0 + x * 2.0 + 30.0, 4)
        light = base * (1.0 + (0.30 - 0.22 * near) * relief)[..., None]
        mist = (1.0 - exact.exp(-np.maximum(below, 0.0) * (3.2 - 1.2 * near))) * (0.80 - 0.72 * near)
        drift = 0.85 + 0.3 * self._noise.octaves(x * 1.4 + each.shift, below * 3.0 + 12.0, 3)
        hazy = along(self._sky, np.full(x.shape, 0.72))
        return mixed(np.clip(light, 0.0, 1.0), hazy, np.clip(mist * drift, 0.0, 1.0))
