"""Functions whose results are the same bits on every machine, for pictures and sound that are the same bytes.

The sine of a C library, of numpy's vector code and of another processor differ in their last bit, and a last
bit becomes another pixel. Here only additions, multiplications, divisions, square roots and roundings of one
array at a time are used, which IEEE 754 rounds alike everywhere; series are summed by Horner's rule. Complex
numbers, `np.dot`, `np.fft`, `np.interp` and the sums of numpy are avoided by whoever uses this, since
compilers and libraries may fuse or reorder them.

Angles are in turns: one is a whole revolution, which needs no pi and no reduction that loses digits.
"""

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
WordArray: TypeAlias = NDArray[np.uint32]

PI: Final = 3.141592653589793
_TINY: Final = 1e-300
_LN2: Final = 0.6931471805599453
_ROOT_HALF: Final = 0.7071067811865476
_TAN_EIGHTH: Final = 0.41421356237309503  # tan(pi / 8)
_SINE_TERMS: Final = 8
_EXP_TERMS: Final = 11
_LOG_TERMS: Final = 8
_ATAN_TERMS: Final = 14


def sine(turns: FloatArray) -> FloatArray:
    """Returns the sine of angles in turns; the absolute error stays below 1e-11."""
    rest = turns - np.rint(turns)
    size = np.abs(rest)
    near = np.minimum(size, 0.5 - size)
    value = _horner(near * near, _SINE)
    value *= near
    return np.copysign(value, rest)


def cosine(turns: FloatArray) -> FloatArray:
    """Returns the cosine of angles in turns; the absolute error stays below 1e-11."""
    return sine(turns + 0.25)


def exp2(x: FloatArray) -> FloatArray:
    """Returns 2 to the power of x, with a relative error below 1e-11; x from -1000 to 1000."""
    whole = np.rint(x)
    value = _horner(x - whole, _EXP)
    return np.ldexp(value, whole.astype(np.int32))


def exp(x: FloatArray) -> FloatArray:
    """Returns e to the power of x, with a relative error below 1e-10; x from -690 to 690."""
    return exp2(np.clip(x, -690.0, 690.0) * (1.0 / _LN2))


def log2(x: FloatArray) -> FloatArray:
    """Returns the logarithm of positive x to the base 2; the absolute error stays below 1e-11."""
    part, whole = np.frexp(x)
    low = part < _ROOT_HALF
    part = np.where(low, part * 2.0, part)
    slope = (part - 1.0) / (part + 1.0)
    value = _horner(slope * slope, _LOG)
    value *= slope
    value += whole - low
    return value


def power(x: FloatArray, exponent: float) -> FloatArray:
    """Returns x to the power of a number, for x >= 0; 0 for x below 1e-300."""
    value: FloatArray = np.where(x > _TINY, exp2(log2(np.maximum(x, _TINY)) * exponent), 0.0)
    return value


def tanh(x: FloatArray) -> FloatArray:
    """Returns the hyperbolic tangent."""
    grown = exp(np.clip(x, -20.0, 20.0) * 2.0)
    return (grown - 1.0) / (grown + 1.0)


def angle(y: FloatArray, x: FloatArray) -> FloatArray:
    """Returns the angle of the points (x, y) in turns, from -0.5 to 0.5; 0 at the origin."""
    high, wide = np.abs(y), np.abs(x)
    steep = high > wide
    slope = np.minimum(high, wide) / np.maximum(np.maximum(high, wide), 1e-300)
    beyond = slope > _TAN_EIGHTH
    small = np.where(beyond, (slope - _TAN_EIGHTH) / (1.0 + slope * _TAN_EIGHTH), slope)
    turns = _horner(small * small, _ATAN)
    turns *= small
    turns = np.where(beyond, turns + 0.0625, turns)
    turns = np.where(steep, 0.25 - turns, turns)
    turns = np.where(x < 0, 0.5 - turns, turns)
    return np.copysign(turns, y)


def total(values: FloatArray) -> float:
    """Returns the correctly rounded sum, which does not depend on the order."""
    return math.fsum(values.ravel().tolist())


def scattered(words: WordArray) -> WordArray:
    """Returns a hash of each word (Chris Wellons' lowbias32, 2018), for noise that needs no state."""
    mixed = words ^ (words >> np.uint32(16))
    mixed = mixed * np.uint32(0x7FEB352D)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x846CA68B)
    mixed ^= mixed >> np.uint32(16)
    return mixed


def white(seed: int, count: int, start: int = 0) -> FloatArray:
    """Returns `count` numbers from 0 to below 1, those from place `start` on of the seed's endless row."""
    places = np.arange(start, start + count, dtype=np.uint64).astype(np.uint32)
    row: FloatArray = scattered(scattered(places) ^ word_of(seed)).astype(np.float64)
    row *= 1.0 / 4294967296.0
    return row


def word_of(seed: int) -> np.uint32:
    """Returns 32 bits that depend on all bits of a seed of up to 64 bits."""
    halves = np.array([seed & 0xFFFFFFFF, (seed >> 32) ^ 0x9E3779B9], np.uint32)
    mixed = scattered(halves)
    return np.uint32(scattered(mixed[:1] ^ (mixed[1:] >> np.uint32(1)))[0])


def _horner(z: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
    """Returns the polynomial with these coefficients, that of the highest power first."""
    value = z * coefficients[0]
    value += coefficients[1]
    for each in coefficients[2:]:
        value *= z
        value += each
    return value


def _sine_series() -> tuple[float, ...]:
    turn = 2.0 * PI
    terms = [turn]
    for order in range(2, 2 * _SINE_TERMS, 2):
        terms.append(-terms[-1] * turn * turn / (order * (order + 1)))
    return tuple(reversed(terms))


def _exp_series() -> tuple[float, ...]:
    terms = [1.0]
    for order in range(1, _EXP_TERMS):
        terms.append(terms[-1] * _LN2 / order)
    return tuple(reversed(terms))


_SINE: Final = _sine_series()
_EXP: Final = _exp_series()
_LOG: Final = tuple(2.0 / (_LN2 * (2 * k + 1)) for k in reversed(range(_LOG_TERMS)))
_ATAN: Final = tuple(
    (-1.0 if k % 2 else 1.0) / (2.0 * PI * (2 * k + 1)) for k in reversed(range(_ATAN_TERMS))
)
