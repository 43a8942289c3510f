"""Waves: swell upon swell down from the horizon, each a sum of sines, with foam on its crest.

The heights are sums of five sines whose lengths stand in no simple ratio, sharpened towards the crests as
Gerstner's waves are (F. J. v. Gerstner, 1802); far swells are short and pale, near ones long and deep.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.canvas import Progress, Scene, mixed, shaded, smoothstep
from task_svc.art.noise import Noise
from task_svc.colour import Picture, along, colour, ramp
from task_svc.exact import FloatArray

_SWELLS: Final = 15
_HORIZON: Final = -0.34
_LENGTHS: Final = (1.0, 0.618, 0.414, 0.263, 0.141)


@dataclass(frozen=True, slots=True)
class _Swell:
    """One wave front: its middle height, how high and how long its waves are, and where they begin."""

    level: float
    height: float
    length: float
    phases: tuple[float, ...]
    depth: float


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    return shaded(scene, _Sea(scene), progress)


class _Sea:
    """The sky, its light, and the swells before it."""

    def __init__(self, scene: Scene) -> None:
        palette = scene.palette
        dice = scene.dice(5, 8 * _SWELLS)
        self._noise = Noise(scene.seed + 9)
        self._water = ramp((palette.ramp[3], palette.ramp[2], palette.ramp[1], palette.ramp[0]))
        self._sky = ramp((palette.ramp[2], palette.ramp[3], palette.ramp[4], palette.paper))
        self._foam = colour(palette.ramp[4])
        self._sun = colour(_lightest(palette.accents))
        self._sun_at = (0.9 * (dice[0] - 0.5), _HORIZON - 0.18 - 0.22 * dice[1])
        self._sun_size = 0.11 + 0.06 * dice[2]
        self._swells = [self._swell(number, dice[8 * number :]) for number in range(_SWELLS)]

    @staticmethod
    def _swell(number: int, dice: list[float]) -> _Swell:
        near = (number + 0.6) / _SWELLS
        return _Swell(
            level=_HORIZON + 1.42 * near * (0.25 + 0.75 * near),
            height=0.006 + 0.10 * near * near + 0.02 * near * dice[3],
            length=0.35 + 1.3 * near,
            phases=tuple(dice[:5]),
            depth=near,
        )

    def __call__(self, x: FloatArray, y: FloatArray) -> FloatArray:
        light = self._heaven(x, y)
        pixel = abs(float(x[0, 1] - x[0, 0]))
        x, y = np.broadcast_arrays(x, y)
        seen = np.ones(x.shape)
        # From the nearest swell to the farthest: what lies behind one is not worked out.
        water = np.zeros_like(light)
        for swell in reversed(self._swells):
            below = y - _crest(swell, x[:1])
            share = seen * np.clip(below / pixel + 0.5, 0.0, 1.0)
            here = share > 0
            if here.any():
                body = self._body(swell, x[here], y[here], below[here])
                water[here] += body * share[here][:, None]
                seen -= share
        return water + light * seen[..., None]

    def _heaven(self, x: FloatArray, y: FloatArray) -> FloatArray:
        dx, dy = x - self._sun_at[0], y - self._sun_at[1]
        away = np.sqrt(dx * dx + dy * dy)
        height = (y + 1.0) / (_HORIZON + 1.0)
        veil = self._noise.octaves(x * 1.3 + 40.0, y * 6.0 + 40.0, 4)
        place = 0.02 + 0.62 * height + 0.16 * smoothstep(0.0, 0.8, veil) * height
        light = along(self._sky, place + 0.0 * x)
        glow = 0.55 / (1.0 + (away / 0.24) * (away / 0.24))
        light = mixed(light, np.broadcast_to(self._sun, light.shape), glow)
        disc = smoothstep(self._sun_size + 0.003, self._sun_size - 0.003, away)
        return mixed(light, np.broadcast_to(0.35 * self._sun + 0.65, light.shape), disc)

    def _body(self, swell: _Swell, x: FloatArray, y: FloatArray, below: FloatArray) -> FloatArray:
        under = np.maximum(below, 0.0) / (0.05 + 0.34 * swell.depth)
        place = 0.12 + 0.62 * swell.depth + 0.34 * under / (1.0 + under) - 0.16 * exact.exp(-under * 7.0)
        light = along(self._water, place)
        # The sun's way on the water, broken up by the swells.
        ripple = self._noise.at(x * 9.0 + 20.0, y * 70.0 / (0.4 + swell.depth) + 20.0)
        spread = (x - self._sun_at[0]) / (0.10 + 0.34 * swell.depth)
        way = exact.exp(-spread * spread) * smoothstep(-0.1, 0.55, ripple)
        light = mixed(light, np.broadcast_to(self._sun, light.shape), way * (0.62 - 0.42 * swell.depth))
        grain = self._noise.octaves(x * 22.0 + 9.0, below * 60.0 + 9.0 + swell.depth * 40.0, 2)
        width = 0.004 + 0.020 * swell.depth
        edge = exact.exp(-np.maximum(below, 0.0) / width) * smoothstep(-0.75, 0.35, grain)
        return mixed(light, np.broadcast_to(self._foam, light.shape), np.minimum(edge, 1.0) * 0.8)


def _crest(swell: _Swell, x: FloatArray) -> FloatArray:
    height = np.zeros_like(x)
    for length, phase in zip(_LENGTHS, swell.phases, strict=True):
        wave = exact.sine(x / (2.0 * swell.length * length) + phase)
        # Squaring 0 ... 1 makes the troughs wide and the crests narrow.
        lifted = 0.5 + 0.5 * wave
        height += length * lifted * lifted
    return swell.level - swell.height * height


def _lightest(accents: tuple[tuple[float, float, float], ...]) -> tuple[float, float, float]:
    return max(accents, key=lambda each: (each[2] < 110, each[0]))  # the warm ones first
