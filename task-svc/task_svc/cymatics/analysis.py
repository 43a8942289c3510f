"""Three figures that describe a pattern, as the system before this one computed them.

The plate is sampled at 100 angles (0 to 2 pi, both ends) by 50 radii (0 to 1, both ends), on the largest
ellipse within it. On that grid

    symmetry    1 - mean over the angles of the standard deviation along the radius / mean |w|
    complexity  2 * mean |grad w|, with the grid's steps as the unit of length
    coherence   correlation of each sample with the next one, angle by angle

The definitions were not written down; these reproduce its reference for J_2(r) cos(2 theta), the pattern
that it drew at 432 Hz, to all digits given: 0.115205, 0.0076986, 0.953350.
"""

from typing import Final

import numpy as np

from task_svc.cymatics.plates import Plate
from task_svc.exact import FloatArray

_ANGLES: Final = 100
_RADII: Final = 50


def polar_grid() -> tuple[FloatArray, FloatArray]:
    """Returns the angles as a column and the radii as a row."""
    return np.linspace(0.0, 2.0 * np.pi, _ANGLES)[:, None], np.linspace(0.0, 1.0, _RADII)[None, :]


def analyse(plate: Plate) -> dict[str, float]:
    """Returns symmetry, complexity and coherence of a plate's swing, scaled to a crest of 1."""
    angles, radii = polar_grid()
    swing = plate.swing(radii * np.cos(angles) * plate.half_width, radii * np.sin(angles) * plate.half_height)
    return figures(swing / np.abs(swing).max())


def figures(pattern: FloatArray) -> dict[str, float]:
    """Returns the three figures of a pattern of shape (angles, radii), rounded to six digits."""
    along_angle, along_radius = np.gradient(pattern)
    samples = pattern.ravel()
    values = {
        "symmetry": 1.0 - pattern.std(axis=1).mean() / np.abs(pattern).mean(),
        "complexity": 2.0 * np.sqrt(along_angle**2 + along_radius**2).mean(),
        "coherence": _correlation(samples[:-1], samples[1:]),
    }
    return {name: float(f"{value:.6g}") for name, value in values.items()}


def _correlation(one: FloatArray, other: FloatArray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum()))
