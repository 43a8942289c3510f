"""What this process uses of the machine."""

from collections.abc import Callable

import psutil


class ProcessMeter:
    """Measures memory and CPU; the CPU is that since the measure before, at the first since the start.

    Args:
        clock: Seconds from any origin that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._measured_at, self._cpu_seconds = clock(), self._used()
        self._percent = 0.0

    @property
    def pid(self) -> int:
        """The id of this process."""
        return self._process.pid

    def measure(self) -> tuple[float, float]:
        """Returns the resident memory in MB (2**20 bytes) and the CPU use in per cent of one core."""
        now, used = self._clock(), self._used()
        if now > self._measured_at:
            self._percent = 100 * (used - self._cpu_seconds) / (now - self._measured_at)
            self._measured_at, self._cpu_seconds = now, used
        return round(self._process.memory_info().rss / 2**20, 1), round(self._percent, 1)

    def _used(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
