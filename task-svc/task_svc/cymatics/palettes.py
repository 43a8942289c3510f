"""Colour ramps that look even to the eye, computed in OKLab (Bjorn Ottosson, 2020).

A palette is two ramps over a plate: what the vibrating metal looks like from still to strongest swing, and
the colour of the sand that lies on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]

_STEPS: Final = 1024
# Below this the sRGB curve is a straight line (IEC 61966-2-1).
_LINEAR_PART: Final = 0.0031308
# From Ottosson's definition of OKLab: OKLab to the cone responses' cube roots, and those to linear sRGB.
_TO_LMS: Final = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_TO_RGB: Final = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as (lightness 0-1, chroma 0-0.4, hue in degrees) of OKLCH."""

    plate: tuple[tuple[float, float, float], ...]
    sand: tuple[float, float, float]
    ground: tuple[float, float, float]


PALETTES: Final[Mapping[str, Palette]] = {
    "sand": Palette(
        ((0.16, 0.02, 285), (0.26, 0.06, 285), (0.44, 0.11, 300), (0.60, 0.15, 340)),
        (0.90, 0.09, 82),
        (0.10, 0.012, 285),
    ),
    "ocean": Palette(
        ((0.18, 0.05, 255), (0.32, 0.09, 245), (0.52, 0.11, 220), (0.74, 0.11, 195)),
        (0.97, 0.03, 190),
        (0.12, 0.03, 255),
    ),
    "ember": Palette(
        ((0.16, 0.03, 20), (0.30, 0.10, 22), (0.50, 0.17, 32), (0.70, 0.16, 55)),
        (0.96, 0.08, 95),
        (0.10, 0.02, 20),
    ),
    "aurora": Palette(
        ((0.17, 0.05, 290), (0.34, 0.12, 285), (0.55, 0.13, 200), (0.78, 0.17, 155)),
        (0.98, 0.03, 150),
        (0.11, 0.03, 285),
    ),
    "ink": Palette(
        ((0.97, 0.01, 90), (0.94, 0.015, 88), (0.89, 0.02, 85), (0.83, 0.03, 80)),
        (0.24, 0.03, 265),
        (0.985, 0.005, 90),
    ),
}


def ramp(stops: tuple[tuple[float, float, float], ...]) -> FloatArray:
    """Returns linear sRGB of shape (1024, 3) along evenly spaced OKLCH stops, joined in OKLab."""
    lab = np.array([_lab(stop) for stop in stops])
    at = np.linspace(0.0, len(stops) - 1.0, _STEPS)
    joined = np.stack([np.interp(at, np.arange(len(stops)), lab[:, channel]) for channel in range(3)], axis=1)
    return linear_rgb(joined)


def colour(lch: tuple[float, float, float]) -> FloatArray:
    """Returns the linear sRGB of one OKLCH colour, shape (3,)."""
    mixed: FloatArray = linear_rgb(np.array([_lab(lch)]))[0]
    return mixed


def linear_rgb(lab: FloatArray) -> FloatArray:
    """Returns linear sRGB, cut to 0 ... 1, of OKLab colours of shape (n, 3)."""
    lms = [(lab[:, 0] * a + lab[:, 1] * b + lab[:, 2] * c) ** 3 for a, b, c in _TO_LMS]
    rgb = np.stack([lms[0] * a + lms[1] * b + lms[2] * c for a, b, c in _TO_RGB], axis=1)
    return np.clip(rgb, 0.0, 1.0)


def encode_srgb(linear: FloatArray) -> NDArray[np.uint8]:
    """Returns the 8-bit sRGB of linear values of any shape (IEC 61966-2-1)."""
    curved = np.where(
        linear <= _LINEAR_PART, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    return np.clip(curved * 255.0 + 0.5, 0, 255).astype(np.uint8)


def _lab(lch: tuple[float, float, float]) -> tuple[float, float, float]:
    lightness, chroma, hue = lch
    angle = np.deg2rad(hue)
    return lightness, float(chroma * np.cos(angle)), float(chroma * np.sin(angle))
