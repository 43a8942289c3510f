"""Bessel functions of the first kind and their zeros, with numpy's arithmetic alone.

Only additions, multiplications and divisions are used, which IEEE 754 rounds alike on every machine, so
that the same request gives the same figure.

Sources: the downward recurrence is J. C. P. Miller's (Abramowitz & Stegun 9.12; DLMF 3.6(v), 10.74(iv)),
the normalisation J_0 + 2 J_2 + 2 J_4 + ... = 1 is DLMF 10.12.4, the derivative DLMF 10.6.1.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]

_BIG: Final = 1e200
# Orders above the larger of x and n at which the recurrence starts: enough for full double precision.
_MARGIN: Final = 30
# Zeros of one order are more than 3 apart (DLMF 10.21), so this step never jumps over a pair.
_SCAN_STEP: Final = 0.5
_NEWTON_ROUNDS: Final = 6


def bessel_j(highest_order: int, x: FloatArray) -> FloatArray:
    """Returns J_n(x) for n = 0 ... highest_order as an array of shape (highest_order + 1, len(x)).

    `x` is one-dimensional, finite and not negative. The absolute error stays below 1e-13.
    """
    # At x = 0 the recurrence divides by zero; J_0(0) = 1 and J_n(0) = 0 come out of any tiny x.
    safe = np.maximum(x, 1e-30)
    top = int(max(highest_order, float(x.max(initial=0.0)))) + _MARGIN
    start = top + 2 * int(np.sqrt(top))
    start += start % 2
    values = np.zeros((highest_order + 1, len(x)))
    above, here = np.zeros_like(safe), np.full_like(safe, 1e-200)
    total = np.zeros_like(safe)
    for order in range(start, 0, -1):
        above, here = here, (2.0 * order / safe) * here - above
        too_big = np.abs(here) > _BIG
        if too_big.any():
            scale = np.where(too_big, 1.0 / _BIG, 1.0)
            above, here, total = above * scale, here * scale, total * scale
            values *= scale
        if order - 1 <= highest_order:
            values[order - 1] = here
        if (order - 1) % 2 == 0:
            total += here if order == 1 else 2.0 * here
    return values / total


def zeros_between(order: int, low: float, high: float) -> FloatArray:
    """Returns the zeros j of J_order with low <= j <= high and j > 0, ascending, to about 1e-12."""
    # J_n has no positive zero up to n (DLMF 10.21.3).
    begin = max(low - _SCAN_STEP, float(order), _SCAN_STEP)
    if begin >= high:
        return np.empty(0)
    grid = np.arange(begin, high + 2 * _SCAN_STEP, _SCAN_STEP)
    samples = bessel_j(order, grid)[order]
    changes = np.nonzero(samples[:-1] * samples[1:] < 0)[0]
    if len(changes) == 0:
        return np.empty(0)
    left, right = grid[changes], grid[changes + 1]
    fraction = samples[changes] / (samples[changes] - samples[changes + 1])
    roots = left + fraction * (right - left)
    for _ in range(_NEWTON_ROUNDS):
        table = bessel_j(order + 1, roots)
        slope = order / roots * table[order] - table[order + 1]
        roots = np.clip(roots - table[order] / slope, left, right)
    inside: FloatArray = roots[(roots >= low) & (roots <= high)]
    return inside
