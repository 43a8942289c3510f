"""Galaxy: a disc of logarithmic spiral arms, seen at an angle, its dust, its clouds and the stars before it.

Arms lie along r = a exp(b t); across them the light falls off as a power of a cosine, along the radius
exponentially (the disc's law of G. de Vaucouleurs and K. Freeman). Stars are brighter the fewer they are.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.canvas import Progress, Scene, developed, smoothstep
from task_svc.art.noise import Noise
from task_svc.colour import Picture, along, colour, ramp
from task_svc.exact import PI, FloatArray

_BAND_ROWS: Final = 32
_STARS: Final = 2_600
_BRIGHT_STARS: Final = 14
_SKY_DONE: Final = 0.85
_LN2: Final = 0.6931471805599453


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the disc lies and winds."""

    arms: int
    winding: float
    phase: float
    tilt: float
    cosine: float
    sine: float
    middle: tuple[float, float]


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    size = scene.size
    sky = _Sky(scene)
    light = np.empty((size, size, 3))
    at: FloatArray = (np.arange(size, dtype=np.float64) + 0.5) * (2.0 / size) - 1.0
    for top in range(0, size, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, size)
        light[top:bottom] = sky.light(at[None, :], at[top:bottom, None])
        progress(_SKY_DONE * bottom / size)
    _sow_stars(light, scene)
    progress(1.0)
    return developed(1.0 - exact.exp(-1.35 * light), scene.seed)


class _Sky:
    """The galaxy and the clouds around it."""

    def __init__(self, scene: Scene) -> None:
        palette = scene.palette
        dice = scene.dice(10, 8)
        self._noise = Noise(scene.seed + 31)
        turn = np.array([dice[0] * 0.5])
        self._shape = _Shape(
            arms=2 + int(dice[1] * 2.4),
            winding=2.6 + 1.4 * dice[2],
            phase=dice[3],
            tilt=1.35 + 1.1 * dice[4],
            cosine=float(exact.cosine(turn)[0]),
            sine=float(exact.sine(turn)[0]),
            middle=(0.24 * (dice[5] - 0.5), 0.24 * (dice[6] - 0.5)),
        )
        self._disc = ramp((palette.ramp[1], palette.ramp[2], palette.ramp[3], palette.ramp[4]))
        self._cloud = colour(palette.accents[1])
        self._other_cloud = colour(palette.accents[2])
        self._core = colour((0.93, 0.07, 80.0))
        self._birth = colour((0.72, 0.17, 350.0))
        self._dark = colour(palette.ground) * 0.35

    def light(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns the light before it is developed; it has no upper bound."""
        shape = self._shape
        dx, dy = x - shape.middle[0], y - shape.middle[1]
        u, v = dx * shape.cosine - dy * shape.sine, (dx * shape.sine + dy * shape.cosine) * shape.tilt
        radius = np.sqrt(u * u + v * v) + 1e-6
        bend = self._noise.octaves(u * 2.2 + 50.0, v * 2.2 + 50.0, 4)
        grain = self._noise.octaves(u * 6.5 + 90.0, v * 6.5 + 20.0, 5, 0.6)
        wound = exact.angle(v, u) * shape.arms - shape.winding * _LN2 * exact.log2(radius) / PI * 0.5
        wave = 0.5 + 0.5 * exact.cosine(wound + shape.phase + 0.10 * bend)
        arm = wave * wave * (0.55 + 0.45 * wave)
        fall = exact.exp(radius * -3.1)
        disc = fall * (0.22 + 2.3 * arm) * np.clip(0.75 + 0.75 * grain, 0.08, 2.0)
        lane = smoothstep(0.15, 0.75, 0.5 + 0.5 * exact.cosine(wound + shape.phase + 0.20 + 0.12 * bend))
        dust = 1.0 - 0.72 * lane * smoothstep(-0.25, 0.55, grain + 0.4 * bend) * smoothstep(
            0.05, 0.22, radius
        )
        light = along(self._disc, 0.25 + 0.62 * fall + 0.22 * grain) * (disc * dust * 2.2)[..., None]
        bulge = 2.6 * exact.exp(-radius * 9.0) + 0.34 * exact.exp(-radius * 3.6)
        light += self._core * (bulge * (0.4 + 0.6 * dust))[..., None]
        born = smoothstep(0.42, 0.95, grain) * arm * smoothstep(0.06, 0.3, radius) * fall
        light += self._birth * (1.5 * born)[..., None]
        return light + self._clouds(x, y)

    def _clouds(self, x: FloatArray, y: FloatArray) -> FloatArray:
        one = smoothstep(-0.05, 0.9, self._noise.octaves(x * 1.1 + 5.0, y * 1.1 + 70.0, 5))
        other = smoothstep(0.0, 0.9, self._noise.octaves(x * 1.3 + 35.0, y * 1.3 + 5.0, 5))
        light: FloatArray = self._dark + self._cloud * (0.20 * one)[..., None]
        return light + self._other_cloud * (0.13 * other)[..., None]


def _sow_stars(light: FloatArray, scene: Scene) -> None:
    """Adds stars as soft points, and a few with the cross that a telescope's struts make."""
    size = scene.size
    count = _STARS
    dice = exact.white(scene.seed * 64 + 11, 5 * count).reshape(5, -1)
    x, y = dice[0] * size, dice[1] * size
    # Numbers grow with the third power as stars get fainter.
    power = 0.05 / (0.02 + exact.power(dice[2], 1.4))
    warm = dice[3][:, None]
    tint = colour((0.9, 0.06, 60.0)) * warm + colour((0.92, 0.05, 255.0)) * (1.0 - warm)
    order = np.argsort(-power, kind="stable")
    scale = size / 1024.0
    for rank, star in enumerate(order.tolist()):
        bright = min(float(power[star]), 2.4)
        width = (0.62 + 0.33 * bright) * scale
        _glow(light, (float(x[star]), float(y[star])), max(width, 0.55), tint[star] * bright)
        if rank < _BRIGHT_STARS:
            reach = (9.0 + 26.0 * float(dice[4][star])) * scale
            _cross(light, (float(x[star]), float(y[star])), reach, tint[star])


def _window(
    centre: tuple[float, float], reach: float, size: int
) -> tuple[slice, slice, FloatArray, FloatArray]:
    left, right = max(int(centre[0] - reach), 0), min(int(centre[0] + reach) + 2, size)
    top, bottom = max(int(centre[1] - reach), 0), min(int(centre[1] + reach) + 2, size)
    x: FloatArray = (np.arange(left, right, dtype=np.float64) + 0.5 - centre[0]).reshape(1, -1)
    y: FloatArray = (np.arange(top, bottom, dtype=np.float64) + 0.5 - centre[1]).reshape(-1, 1)
    return slice(top, bottom), slice(left, right), x, y


def _glow(light: FloatArray, centre: tuple[float, float], width: float, ink: FloatArray) -> None:
    rows, columns, x, y = _window(centre, 4.0 * width + 1.0, light.shape[0])
    spread = (x * x + y * y) / (width * width)
    light[rows, columns] += ink * exact.exp(-spread)[..., None]


def _cross(light: FloatArray, centre: tuple[float, float], reach: float, ink: FloatArray) -> None:
    rows, columns, x, y = _window(centre, reach, light.shape[0])
    away = np.abs(x) + np.abs(y)
    ray = 1.0 / (1.0 + 2.0 * np.minimum(np.abs(x), np.abs(y)) * np.minimum(np.abs(x), np.abs(y)))
    fade = np.clip(1.0 - away / reach, 0.0, 1.0)
    halo = 0.35 * exact.exp(-(x * x + y * y) / (0.12 * reach * reach))
    light[rows, columns] += ink * (0.75 * ray * fade * fade * fade + halo)[..., None]
