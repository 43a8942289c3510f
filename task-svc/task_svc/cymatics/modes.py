"""Which modes of a plate answer to a frequency, and how strongly.

The plate is thin and stiff: its frequencies grow with the square of the wave number (Kirchhoff's law,
which Chladni found by ear), so that the audible range spans wave numbers from 6 to 190 and every octave
has its own look. The mode shapes are those of a membrane: J_n(j_nm r) cos(n theta) on the round plate,
with the zeros j_nm of J_n, and products of cosines on those with sides (Rayleigh, The Theory of Sound,
volume 1, sections 194 to 199 and 217 to 227, on what membranes and plates have in common).

The round plate is driven by N exciters, equally spaced on a ring, which excite exactly the modes whose
angular order is a multiple of N; N is taken from the mode nearest to the frequency. Off resonance several
modes answer at once, each as a damped oscillator, and their sum is what the sand sees. That is why 432 Hz
and 440 Hz give different figures, and why the figure changes without jumps of its lines in between.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.cymatics.bessel import Zero, bessel_j, zeros_between

LOWEST_HZ: Final = 20.0
# Wave number at 20 Hz, in units of 1 / radius: low enough for a calm figure, high enough for nodal lines.
_LOWEST_WAVE_NUMBER: Final = 6.0
_FOLDS: Final = range(3, 13)
_DAMPING: Final = 0.12
_MOST_MODES: Final = 32


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode of the plate: orders, wave number (1 / radius or 1 / side) and signed amplitude.

    On the round plate `first` is the angular and `second` the radial order; on the others they count half
    waves along the sides, and the side is the longer one.
    """

    first: int
    second: int
    wave_number: float
    amplitude: float


@dataclass(frozen=True, slots=True)
class Excitation:
    """How the plate swings: its modes, the strongest first, and the exciters (or parity) behind them."""

    frequency_hz: float
    wave_number: float
    fold: int
    modes: tuple[Mode, ...]


def wave_number(frequency_hz: float) -> float:
    """Returns k of the plate in units of 1 / radius, from f = 20 Hz (k / 6)^2."""
    return _LOWEST_WAVE_NUMBER * math.sqrt(frequency_hz / LOWEST_HZ)


def round_plate(frequency_hz: float, exciter_radius: float) -> Excitation:
    """Returns the answer of the round plate to exciters at `exciter_radius` (0 to 1)."""
    k = wave_number(frequency_hz)
    fold = _nearest_fold(k)
    reach = 0.18 * k + 2.5
    zeros = zeros_between(range(0, int(k + reach) + 1, fold), k - reach, k + reach)
    found = [
        Mode(zero.order, zero.index, zero.value, coupling * _response(zero.value, k))
        for zero, coupling in zip(zeros, _couplings(zeros, exciter_radius), strict=True)
    ]
    return Excitation(frequency_hz, k, fold, _strongest(found))


def square_plate(frequency_hz: float, exciter_offset: float) -> Excitation:
    """Returns the answer of the square plate to four exciters, alike near its four corners.

    `exciter_offset` (0 to 1) is their distance from the edges in half sides. They swing together or in
    opposition, across the sides and across the diagonals, whichever the mode nearest to the frequency asks
    for; so the figure has all the symmetries of the square.
    """
    # The square's side is twice the round plate's radius.
    k = 2.0 * wave_number(frequency_hz)
    reach = 0.12 * k + 5.0
    pairs = _pairs_within(k, reach)
    nearest = min(pairs, key=lambda pair: abs(_own(*pair) - k))
    odd, parity = nearest[0] % 2, -1 if nearest[0] != nearest[1] and sum(nearest) % 4 else 1
    place = exciter_offset * 0.25  # in turns for each half wave
    found: list[Mode] = []
    for first, second in pairs:
        if first % 2 != odd or (parity < 0 and first == second):
            continue
        strength = _cosine(first * place) * _cosine(second * place * 0.8)
        own = _own(first, second)
        found.append(Mode(first, second, own, strength * _response(own, k)))
    return Excitation(frequency_hz, k, parity, _strongest(found))


def rectangular_plate(
    frequency_hz: float, exciter_offset: float, half_width: float, half_height: float
) -> Excitation:
    """Returns the answer of a rectangle to four exciters, alike near its four corners.

    The longer of the half sides is 1. The exciters swing together or in opposition, across either pair of
    sides, whichever the mode nearest to the frequency asks for; so the figure has both mirrors of the
    rectangle. Modes whose numbers differ are seldom near each other, and then meet in one figure.
    """
    k = 2.0 * wave_number(frequency_hz)
    reach = 0.12 * k + 5.0
    highest = int((k + reach) / exact.PI) + 1
    owns = {
        (first, second): exact.PI * math.hypot(first / half_width, second / half_height)
        for first in range(highest + 1)
        for second in range(highest + 1)
    }
    near = [pair for pair, own in owns.items() if abs(own - k) <= reach and any(pair)]
    nearest = min(near, key=lambda pair: abs(owns[pair] - k))
    place = exciter_offset * 0.25  # in turns for each half wave
    found = [
        Mode(
            *pair,
            owns[pair],
            _cosine(pair[0] * place) * _cosine(pair[1] * place * 0.8) * _response(owns[pair], k),
        )
        for pair in near
        if (pair[0] - nearest[0]) % 2 == 0 and (pair[1] - nearest[1]) % 2 == 0
    ]
    return Excitation(frequency_hz, k, 1, _strongest(found))


def _pairs_within(k: float, reach: float) -> list[tuple[int, int]]:
    """Returns the half waves along the sides, m <= n and both even or both odd, of wave numbers near k."""
    highest = int((k + reach) / exact.PI) + 1
    return [
        (first, second)
        for first in range(highest + 1)
        for second in range(max(first, 1), highest + 1)
        if (first + second) % 2 == 0 and abs(_own(first, second) - k) <= reach
    ]


def _own(first: int, second: int) -> float:
    """Returns the wave number of a square plate's mode, in units of 1 / side."""
    return exact.PI * math.sqrt(first * first + second * second)


def _cosine(turns: float) -> float:
    return float(exact.cosine(np.array([turns]))[0])


def _nearest_fold(k: float) -> int:
    """Returns the angular order, 3 to 12, whose mode lies nearest to the wave number."""
    zeros = zeros_between(_FOLDS, k - 3.5, k + 3.5)
    return min(zeros, key=lambda zero: abs(zero.value - k)).order


def _response(own: float, driven: float) -> float:
    """Returns the swing of a damped oscillator, seen where in-phase and quadrature parts weigh alike."""
    # Frequencies go with the square of the wave numbers, and the equation of motion with theirs.
    square = (own / driven) * (own / driven)
    detuning = square * square - 1.0
    return (detuning + _DAMPING) / (detuning * detuning + _DAMPING * _DAMPING) * _DAMPING


def _couplings(zeros: list[Zero], exciter_radius: float) -> list[float]:
    """Returns how strongly exciters at a radius drive each mode.

    Dividing by |J_(n+1)(j_nm)| makes the modes of the unit disc equally strong (DLMF 10.22.37).
    """
    orders = sorted({order for zero in zeros for order in (zero.order, zero.order + 1)})
    rows = np.searchsorted(orders, [zero.order for zero in zeros])
    values = np.array([zero.value for zero in zeros])
    column = np.arange(len(zeros))
    driven = bessel_j(orders, values * exciter_radius)[rows, column]
    norms = np.abs(bessel_j(orders, values)[rows + 1, column])
    couplings: list[float] = (driven / norms).tolist()
    return couplings


def _strongest(modes: list[Mode]) -> tuple[Mode, ...]:
    """Returns the modes that carry the figure, scaled so that the squares of the amplitudes add up to 1."""
    ordered = sorted(modes, key=lambda mode: (-abs(mode.amplitude), mode.first, mode.second))[:_MOST_MODES]
    power = math.sqrt(math.fsum(mode.amplitude * mode.amplitude for mode in ordered))
    return tuple(Mode(mode.first, mode.second, mode.wave_number, mode.amplitude / power) for mode in ordered)
