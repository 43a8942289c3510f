"""Recursive filters of second order, for arrays, with the same bits on every machine."""

from typing import Final

import numpy as np

from task_svc.exact import FloatArray

_ROW: Final = 128


class Biquad:
    """y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]; it goes on where the last array ended.

    The samples are laid in rows of 128. All rows are filtered at once as if nothing had gone before; then
    each row's end is handed to the next, and what it rings on is added.
    """

    def __init__(self, b: tuple[float, float, float], a: tuple[float, float]) -> None:
        self._b, self._a = b, a
        self._inputs = (0.0, 0.0)
        self._state = (0.0, 0.0)
        self._rings = self._ringing()

    def process(self, sound: FloatArray) -> FloatArray:
        """Returns a filtered sound of shape (n,)."""
        count = len(sound)
        if not count:
            return sound
        before = np.concatenate((np.array(self._inputs), sound))
        driven = self._b[0] * sound + self._b[1] * before[1:-1] + self._b[2] * before[:-2]
        self._inputs = (float(before[-2]), float(before[-1]))
        rows = -(-count // _ROW)
        padded = np.zeros(rows * _ROW)
        padded[:count] = driven
        columns = np.ascontiguousarray(padded.reshape(rows, _ROW).T)
        one, two = self._a
        columns[1] -= one * columns[0]
        for place in range(2, _ROW):
            columns[place] -= one * columns[place - 1] + two * columns[place - 2]
        starts = self._handed_on(columns)
        columns += self._rings[0][:, None] * starts[0] + self._rings[1][:, None] * starts[1]
        filtered = columns.T.reshape(-1)[:count]
        self._state = (float(filtered[-1]), float(filtered[-2]) if count > 1 else self._state[0])
        return filtered

    def _handed_on(self, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the last and the last but one output before each row."""
        last, other = self._state
        ends, before = columns[-1].tolist(), columns[-2].tolist()
        (end_last, end_other), (near_last, near_other) = self._row_ends
        lasts: list[float] = []
        others: list[float] = []
        for end, near in zip(ends, before, strict=True):
            lasts.append(last)
            others.append(other)
            last, other = (
                end + end_last * last + end_other * other,
                near + near_last * last + near_other * other,
            )
        return np.array(lasts), np.array(others)

    def _ringing(self) -> tuple[FloatArray, FloatArray]:
        """Returns what a row rings on with by itself after a last output of 1, and after a last but one."""
        one, two = self._a
        rings = []
        for last, other in ((1.0, 0.0), (0.0, 1.0)):
            values = [other, last]
            for _ in range(_ROW):
                values.append(-one * values[-1] - two * values[-2])
            rings.append(np.array(values[2:]))
        self._row_ends = (
            (float(rings[0][-1]), float(rings[1][-1])),
            (float(rings[0][-2]), float(rings[1][-2])),
        )
        return rings[0], rings[1]
