"""What this process uses of the machine: memory, CPU, and the disk that it keeps its files on."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_WINDOW_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Usage:
    """One measure; memory and disk in bytes, CPU in per cent of one core."""

    resident_bytes: int
    cpu_percent: float
    disk_total_bytes: int
    disk_free_bytes: int


class UsageMeter:
    """Measures the process whenever it is asked, from /proc alone.

    The CPU use is that of the last ten seconds or so, however many callers ask and however often; a
    percentage since the measure before would change with every other caller.

    Args:
        data_dir: A folder on the disk that is told about; it need not exist yet.
        clock: Seconds from any origin that never go back.
    """

    def __init__(self, data_dir: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._process = psutil.Process()
        self._marks: deque[tuple[float, float]] = deque(((clock(), self._cpu_seconds()),))

    def measure(self) -> Usage:
        """Returns what is used at this moment."""
        total, free = self._disk()
        return Usage(self._process.memory_info().rss, self._cpu_percent(), total, free)

    def _cpu_percent(self) -> float:
        now, used = self._clock(), self._cpu_seconds()
        marks = self._marks
        marks.append((now, used))
        # The mark before the window stays, so that the measure always spans the whole of it.
        while len(marks) > 1 and marks[1][0] <= now - _WINDOW_SECONDS:
            marks.popleft()
        since, before = marks[0]
        return 100 * (used - before) / (now - since) if now > since else 0.0

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _disk(self) -> tuple[int, int]:
        try:
            usage = psutil.disk_usage(str(self._data_dir))
        except OSError:
            return 0, 0
        return usage.total, usage.free
