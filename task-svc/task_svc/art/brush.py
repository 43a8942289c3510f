"""Strokes with soft edges on a sheet of light: each touches only the pixels around it."""

from typing import Final

import numpy as np

from task_svc import exact
from task_svc.exact import FloatArray

_MARGIN: Final = 1.5  # pixels around a stroke in which its edge fades


class Sheet:
    """A square sheet of linear light; points are (x, y) from -1 to 1, y down, lengths in half sides."""

    def __init__(self, light: FloatArray) -> None:
        self.light = light
        self._size = light.shape[0]
        self._pixel = 2.0 / self._size
        self._at = (np.arange(self._size) + 0.5) * self._pixel - 1.0

    def stroke(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        widths: tuple[float, float],
        ink: FloatArray,
        cover: float = 1.0,
    ) -> None:
        """Draws a line with round ends that goes from one half width to another."""
        window = self._window(start, end, max(widths))
        if window is None:
            return
        rows, columns = window
        x, y = self._at[columns].reshape(1, -1) - start[0], self._at[rows].reshape(-1, 1) - start[1]
        dx, dy = end[0] - start[0], end[1] - start[1]
        along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-12), 0.0, 1.0)
        off_x, off_y = x - along * dx, y - along * dy
        half = np.maximum(widths[0] + (widths[1] - widths[0]) * along, 0.35 * self._pixel)
        self._lay(rows, columns, np.sqrt(off_x * off_x + off_y * off_y) - half, ink, cover)

    def disc(self, centre: tuple[float, float], radius: float, ink: FloatArray, cover: float = 1.0) -> None:
        """Draws a filled circle."""
        self.stroke(centre, centre, (radius, radius), ink, cover)

    def leaf(
        self,
        stem: tuple[float, float],
        turns: float,
        length: float,
        width: float,
        inks: tuple[FloatArray, FloatArray],
        cover: float = 1.0,
    ) -> None:
        """Draws a leaf that grows from its stem's end towards an angle; the two halves have an ink each.

        `width` is its half width as a part of its length; the outline is 4 s (1 - s) with its belly low.
        """
        cosine, sine = (float(f(np.array([turns]))[0]) for f in (exact.cosine, exact.sine))
        tip = (stem[0] + length * cosine, stem[1] + length * sine)
        window = self._window(stem, tip, width * length)
        if window is None:
            return
        rows, columns = window
        x, y = self._at[columns].reshape(1, -1) - stem[0], self._at[rows].reshape(-1, 1) - stem[1]
        along, aside = (x * cosine + y * sine) / length, (y * cosine - x * sine) / length
        place = np.clip(along, 0.0, 1.0)
        outline = width * 2.6 * place * (1.0 - place) * (1.3 - 0.6 * place)
        outside = np.maximum(np.abs(aside) - outline, np.maximum(-along, along - 1.0)) * length
        side = np.clip(aside * length / self._pixel + 0.5, 0.0, 1.0)[..., None]
        self._lay(rows, columns, outside, inks[0] * (1.0 - side) + inks[1] * side, cover)

    def _window(
        self, start: tuple[float, float], end: tuple[float, float], reach: float
    ) -> tuple[slice, slice] | None:
        reach += _MARGIN * self._pixel
        edges: list[slice] = []
        for one, other in zip(start, end, strict=True):
            low = int((min(one, other) - reach + 1.0) / self._pixel)
            high = int((max(one, other) + reach + 1.0) / self._pixel) + 1
            if high <= 0 or low >= self._size:
                return None
            edges.append(slice(max(low, 0), min(high, self._size)))
        return edges[1], edges[0]

    def _lay(self, rows: slice, columns: slice, distance: FloatArray, ink: FloatArray, cover: float) -> None:
        share = np.clip(0.5 - distance / self._pixel, 0.0, 1.0)[..., None] * cover
        part = self.light[rows, columns]
        part += (ink - part) * share
