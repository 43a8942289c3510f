"""A room: a feedback delay network (Jean-Marc Jot, 1991), in blocks no longer than its shortest line."""

from typing import Final

import numpy as np

from task_svc import exact
from task_svc.exact import FloatArray
from task_svc.music.synthesis import RATE

_LINES: Final = (1433, 1783, 2137, 2459, 2971, 3307, 3697, 4231)  # primes, 32 to 96 ms
_BLOCK: Final = 1400
_DULLING: Final = 0.28  # share of the sample before, each time around
_NORM: Final = 0.35355339059327373  # 1 / sqrt(8)


class Reverb:
    """Remembers what it heard; both channels go into one room and come out as two."""

    def __init__(self, half_seconds: float) -> None:
        """Prepares a silent room whose sound is halved each `half_seconds`."""
        turns = np.array(_LINES) * (-1.0 / (RATE * half_seconds))
        self._gains: FloatArray = exact.exp2(turns)[:, None]
        self._past = np.zeros((len(_LINES), max(_LINES)))
        self._last = np.zeros((len(_LINES), 1))

    def process(self, sound: FloatArray) -> FloatArray:
        """Returns the room's answer to a sound of shape (2, n), without the sound itself."""
        answer = np.empty_like(sound)
        for start in range(0, sound.shape[1], _BLOCK):
            piece = sound[:, start : start + _BLOCK]
            answer[:, start : start + _BLOCK] = self._block(piece)
        return answer

    def _block(self, sound: FloatArray) -> FloatArray:
        count = sound.shape[1]
        longest = self._past.shape[1]
        heard = np.stack(
            [self._past[line, longest - each : longest - each + count] for line, each in enumerate(_LINES)]
        )
        shifted = np.concatenate((self._last, heard[:, :-1]), axis=1)
        self._last = heard[:, -1:].copy()
        dulled = (1.0 - _DULLING) * heard + _DULLING * shifted
        fed = _mixed(dulled) * self._gains
        fed[0::2] += sound[0]
        fed[1::2] += sound[1]
        self._past = np.concatenate((self._past[:, count:], fed), axis=1)
        left = heard[0] - heard[2] + heard[4] - heard[6]
        right = heard[1] - heard[3] + heard[5] - heard[7]
        return np.stack((left, right)) * 0.5


def _mixed(lines: FloatArray) -> FloatArray:
    """Returns the lines mixed by Hadamard's matrix, which keeps their energy."""
    for width in (1, 2, 4):
        pairs = lines.reshape(-1, 2, width, lines.shape[1])
        lines = np.stack((pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]), axis=1)
        lines = lines.reshape(len(_LINES), -1)
    return lines * _NORM
