"""Bessel functions of the first kind and their zeros, with numpy's arithmetic alone.

Only additions, multiplications and divisions are used, which IEEE 754 rounds alike on every machine, so
that the same request gives the same figure.

Sources: the downward recurrence is J. C. P. Miller's (Abramowitz & Stegun 9.12; DLMF 3.6(v), 10.74(iv)),
the normalisation J_0 + 2 J_2 + 2 J_4 + ... = 1 is DLMF 10.12.4, the derivative DLMF 10.6.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from task_svc.exact import FloatArray

_BIG: Final = 1e200
# Orders above the larger of x and n at which the recurrence starts: enough for full double precision.
_MARGIN: Final = 30
# Zeros of one order are more than 3 apart (DLMF 10.21), so this step never jumps over a pair.
_SCAN_STEP: Final = 0.5
_NEWTON_ROUNDS: Final = 6


@dataclass(frozen=True, slots=True)
class Zero:
    """The `index`-th positive zero of J_order, counted from 1."""

    order: int
    index: int
    value: float


def bessel_j(orders: Sequence[int], x: FloatArray) -> FloatArray:
    """Returns J_n(x) for each n of `orders` as an array of shape (len(orders), len(x)).

    `x` is one-dimensional, finite and not negative. The absolute error stays below 1e-13.
    """
    # At x = 0 the recurrence divides by zero; J_0(0) = 1 and J_n(0) = 0 come out of any tiny x.
    safe = np.maximum(x, 1e-30)
    rows = {order: row for row, order in enumerate(orders)}
    values = np.zeros((len(orders), len(x)))
    above, here = np.zeros_like(safe), np.full_like(safe, 1e-200)
    total = np.zeros_like(safe)
    for order in range(_start(orders, x), 0, -1):
        above, here = here, (2.0 * order / safe) * here - above
        if np.abs(here).max() > _BIG:
            big = np.nonzero(np.abs(here) > _BIG)[0]
            for each in (above, here, total):
                each[big] /= _BIG
            values[:, big] /= _BIG
        lower = order - 1
        if lower in rows:
            values[rows[lower]] = here
        if lower % 2 == 0:
            total += here if lower == 0 else 2.0 * here
    return values / total


def zeros_between(orders: Sequence[int], low: float, high: float) -> list[Zero]:
    """Returns the zeros of J_n with low <= zero <= high for all `orders`, to about 1e-12."""
    grid: FloatArray = np.arange(1.0, int(high / _SCAN_STEP) + 3.0) * _SCAN_STEP
    table = bessel_j(orders, grid)
    row, column = np.nonzero(table[:, :-1] * table[:, 1:] < 0)
    index = _running_count(row)
    near = (grid[column + 1] >= low) & (grid[column] <= high)
    row, column, index = row[near], column[near], index[near]
    if len(row) == 0:
        return []
    left, right = table[row, column], table[row, column + 1]
    roots = grid[column] + left / (left - right) * _SCAN_STEP
    roots = _polished(orders, row, roots, grid[column])
    return [
        Zero(orders[each], number, root)
        for each, number, root in zip(row.tolist(), index.tolist(), roots.tolist(), strict=True)
        if low <= root <= high
    ]


def _start(orders: Sequence[int], x: FloatArray) -> int:
    """Returns the even order at which the recurrence begins."""
    top = int(max(*orders, float(x.max(initial=0.0)))) + _MARGIN
    start = top + 2 * int(np.sqrt(top))
    return start + start % 2


def _running_count(row: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns for each entry of a sorted array which one of its equals it is, from 1."""
    first = np.searchsorted(row, row)
    return np.arange(1, len(row) + 1) - first


def _polished(
    orders: Sequence[int], row: NDArray[np.intp], roots: FloatArray, left: FloatArray
) -> FloatArray:
    """Returns roots after Newton's method, each kept within its step of the grid."""
    own = np.asarray(orders)[row]
    both = sorted({*orders, *(order + 1 for order in orders)})
    places = np.searchsorted(both, own), np.searchsorted(both, own + 1)
    column = np.arange(len(roots))
    for _ in range(_NEWTON_ROUNDS):
        table = bessel_j(both, roots)
        value, next_order = table[places[0], column], table[places[1], column]
        roots = np.clip(roots - value / (own / roots * value - next_order), left, left + _SCAN_STEP)
    return roots
