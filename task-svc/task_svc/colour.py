"""Colours that look even to the eye, computed in OKLab (Bjorn Ottosson, 2020), with exact arithmetic.

A colour is written as (lightness 0-1, chroma 0-0.4, hue in degrees) of OKLCH, and mixed as light: linear
sRGB.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from task_svc import exact
from task_svc.exact import FloatArray

Lch: TypeAlias = tuple[float, float, float]
Picture: TypeAlias = NDArray[np.uint8]

_STEPS: Final = 1024
# Below this the sRGB curve is a straight line (IEC 61966-2-1).
_LINEAR_PART: Final = 0.0031308
_CURVE_STEPS: Final = 65_535
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


def ramp(stops: Sequence[Lch]) -> FloatArray:
    """Returns linear sRGB of shape (1024, 3) along evenly spaced stops, joined in OKLab."""
    lab = np.array([_lab(stop) for stop in stops])
    at = np.arange(_STEPS) * ((len(stops) - 1.0) / (_STEPS - 1.0))
    left = np.minimum(at.astype(np.intp), len(stops) - 2)
    part = (at - left)[:, None]
    return linear_rgb(lab[left] * (1.0 - part) + lab[left + 1] * part)


def along(colours: FloatArray, place: FloatArray) -> FloatArray:
    """Returns a ramp's colours at places from 0 to 1 (others are cut); one more axis, of 3."""
    index = np.clip(place * (len(colours) - 1) + 0.5, 0, len(colours) - 1).astype(np.intp)
    return colours[index]


def colour(lch: Lch) -> FloatArray:
    """Returns the linear sRGB of one OKLCH colour, shape (3,)."""
    mixed: FloatArray = linear_rgb(np.array([_lab(lch)]))[0]
    return mixed


def linear_rgb(lab: FloatArray) -> FloatArray:
    """Returns linear sRGB, cut to 0 ... 1, of OKLab colours of shape (n, 3)."""
    roots = [lab[:, 0] * a + lab[:, 1] * b + lab[:, 2] * c for a, b, c in _TO_LMS]
    lms = [root * root * root for root in roots]
    rgb = np.stack([lms[0] * a + lms[1] * b + lms[2] * c for a, b, c in _TO_RGB], axis=1)
    return np.clip(rgb, 0.0, 1.0)


def encode_srgb(linear: FloatArray, threshold: FloatArray | float = 0.5) -> Picture:
    """Returns the 8-bit sRGB of linear values of any shape (IEC 61966-2-1).

    `threshold` (0 to 1) is the part of a step from which a value is rounded up; noise there dithers.
    """
    index = np.clip(linear * _CURVE_STEPS + 0.5, 0, _CURVE_STEPS).astype(np.intp)
    return (_curve()[index] + threshold).astype(np.uint8)


def _curve() -> FloatArray:
    """Returns sRGB values from 0 to 255 of linear ones in steps of 1/65535."""
    if not _CURVES:
        linear = np.arange(_CURVE_STEPS + 1) * (1.0 / _CURVE_STEPS)
        curved = np.where(
            linear <= _LINEAR_PART,
            linear * 12.92,
            1.055 * exact.power(np.maximum(linear, _LINEAR_PART), 1 / 2.4) - 0.055,
        )
        _CURVES.append(np.minimum(curved, 1.0) * 254.999)
    return _CURVES[0]


_CURVES: Final[list[FloatArray]] = []


def _lab(lch: Lch) -> tuple[float, float, float]:
    lightness, chroma, hue = lch
    turns = np.array([hue / 360.0])
    return (
        lightness,
        float(chroma * exact.cosine(turns)[0]),
        float(chroma * exact.sine(turns)[0]),
    )
