"""Loudness as ITU-R BS.1770-5 measures it: K-weighted, in blocks of 400 ms, gated twice.

The two filters' coefficients at 48 kHz stand in the recommendation; those at 44.1 kHz come from the same
analogue prototypes by the bilinear transform (Brecht De Man, "Evaluation of implementations of the EBU R128
loudness measurement", 2018).
"""

import math
from typing import Final

from task_svc.exact import FloatArray, total
from task_svc.music.filters import Biquad
from task_svc.music.synthesis import RATE

_STEP: Final = RATE // 10  # blocks of 400 ms begin every 100 ms
_STEPS_PER_BLOCK: Final = 4
_ABSOLUTE_GATE: Final = 1.1724653045822963e-07  # -70 LUFS as a mean square
_RELATIVE_GATE: Final = 0.1  # -10 LU
_OFFSET: Final = -0.691
# Shelf: 1681.97 Hz, 3.99984 dB, Q 0.70718; high pass: 38.1355 Hz, Q 0.50033. At 44.1 kHz.
_SHELF_B: Final = (1.5308412300503478, -2.6509799951547297, 1.169079079921587)
_SHELF_A: Final = (-1.6636551132560204, 0.7125954280732254)
_PASS_B: Final = (1.0, -2.0, 1.0)
_PASS_A: Final = (-1.989169673629796, 0.9891990357870393)


class LoudnessMeter:
    """Measures a sound of two channels that comes piece by piece."""

    def __init__(self) -> None:
        self._filters = [(Biquad(_SHELF_B, _SHELF_A), Biquad(_PASS_B, _PASS_A)) for _ in range(2)]
        self._steps: list[float] = []
        self._energy, self._counted = 0.0, 0

    def hear(self, sound: FloatArray) -> None:
        """Takes the next piece, of shape (2, n)."""
        weighted = [
            passing.process(shelf.process(row))
            for row, (shelf, passing) in zip(sound, self._filters, strict=True)
        ]
        energy = weighted[0] * weighted[0] + weighted[1] * weighted[1]
        start = 0
        while start < len(energy):
            end = min(start + _STEP - self._counted, len(energy))
            self._energy += total(energy[start:end])
            self._counted += end - start
            start = end
            if self._counted == _STEP:
                self._steps.append(self._energy)
                self._energy, self._counted = 0.0, 0

    def energy(self) -> float:
        """Returns the gated mean square of all that was heard, K-weighted; 0 for silence.

        The gates are compared as energies: a logarithm would bring in the machine's library.
        """
        count = len(self._steps) - _STEPS_PER_BLOCK + 1
        blocks = [
            math.fsum(self._steps[start : start + _STEPS_PER_BLOCK]) / (_STEP * _STEPS_PER_BLOCK)
            for start in range(count)
        ]
        loud = [block for block in blocks if block > _ABSOLUTE_GATE]
        if not loud:
            return 0.0
        gate = math.fsum(loud) / len(loud) * _RELATIVE_GATE
        loud = [block for block in loud if block > gate]
        return math.fsum(loud) / len(loud)


def lufs(energy: float) -> float:
    """Returns a mean square in LUFS, minus infinity for silence."""
    return _OFFSET + 10.0 * math.log10(energy) if energy > 0 else -math.inf
