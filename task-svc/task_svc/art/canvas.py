"""The picture's plane, drawn band by band, so that memory does not grow with the picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from task_svc import exact
from task_svc.art.palettes import ArtPalette
from task_svc.colour import Picture, encode_srgb
from task_svc.exact import FloatArray

Progress = Callable[[float], None]
"""Called with the part of the work that is done, 0 to 1."""

_BAND_SAMPLES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Scene:
    """What a style is given: the picture's side in pixels, the seed and the colours."""

    size: int
    seed: int
    palette: ArtPalette

    def dice(self, stream: int, count: int) -> list[float]:
        """Returns `count` numbers from 0 to below 1 that depend on the seed and on `stream`."""
        numbers: list[float] = exact.white(self.seed * 64 + stream, count).tolist()
        return numbers


class Shader(Protocol):
    """Gives the light at points of the plane."""

    def __call__(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Returns linear sRGB of shape (rows, columns, 3); x is a row and y a column, from -1 to 1.

        y points down. Called from the top of the picture to its bottom.
        """


def shaded(scene: Scene, shader: Shader, progress: Progress, samples: int = 2) -> Picture:
    """Returns the picture of a shader, each pixel the mean light of `samples` x `samples` points."""
    size, fine = scene.size, scene.size * samples
    picture = np.empty((size, size, 3), np.uint8)
    x = _positions(np.arange(fine), fine).reshape(1, -1)
    rows = max(1, _BAND_SAMPLES // (fine * samples))
    for top in range(0, size, rows):
        bottom = min(top + rows, size)
        y = _positions(np.arange(top * samples, bottom * samples), fine).reshape(-1, 1)
        light = shader(x, y).reshape(bottom - top, samples, size, samples, 3)
        picture[top:bottom] = developed(_mean(light), scene.seed, top)
        progress(bottom / size)
    return picture


def developed(light: FloatArray, seed: int, top: int = 0) -> Picture:
    """Returns the sRGB of linear light of shape (rows, columns, 3), dithered so that no sky has bands."""
    rows, columns, _ = light.shape
    noise = exact.white(seed ^ 0xD17, rows * columns, top * columns).reshape(rows, columns, 1)
    return encode_srgb(light, noise)


def smoothstep(low: float, high: float, x: FloatArray) -> FloatArray:
    """Returns 0 below `low`, 1 above `high`, and a smooth way between; falling if `low` is the larger."""
    part: FloatArray = np.clip((x - low) / (high - low), 0.0, 1.0)
    smooth: FloatArray = part * part * (3.0 - 2.0 * part)
    return smooth


def mixed(below: FloatArray, above: FloatArray, cover: FloatArray) -> FloatArray:
    """Returns light with another laid over it; `cover` (0 to 1) has no axis of colours."""
    share = cover[..., None]
    return below + (above - below) * share


def _positions(indices: np.ndarray, fine: int) -> FloatArray:
    places: FloatArray = (indices + 0.5) * (2.0 / fine) - 1.0
    return places


def _mean(light: FloatArray) -> FloatArray:
    """Returns the mean over the samples of each pixel, added up in a fixed order."""
    samples = light.shape[1]
    total = np.zeros(light[:, 0, :, 0].shape)
    for row in range(samples):
        for column in range(samples):
            total += light[:, row, :, column]
    mean: FloatArray = total * (1.0 / (samples * samples))
    return mean
