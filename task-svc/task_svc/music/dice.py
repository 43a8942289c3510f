"""Throws that follow from a seed, with the standard library's integers alone."""

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_MASK: Final = 0xFFFFFFFFFFFFFFFF


class Dice:
    """An endless row of throws (Guy Steele et al., SplitMix64, 2014)."""

    def __init__(self, seed: int, stream: int = 0) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03) & _MASK

    def throw(self) -> float:
        """Returns a number from 0 to below 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) * (1.0 / (1 << 53))

    def chance(self, share: float) -> bool:
        """Returns True in this share of throws."""
        return self.throw() < share

    def around(self, reach: float) -> float:
        """Returns a number from -reach to reach."""
        return (2.0 * self.throw() - 1.0) * reach

    def pick(self, choices: Sequence[T]) -> T:
        """Returns one of the choices."""
        return choices[int(self.throw() * len(choices))]
