"""What a picture, a pattern and a second of music take, in the process that makes them."""

import json
import time
from pathlib import Path
from typing import Any, Final

from task_svc.art.parameters import STYLES
from task_svc.generators import make
from task_svc.model import TaskKind
from task_svc.parameters import completed

_SIZE: Final = 512
_MUSIC_SECONDS: Final = 30.0
_PATTERNS: Final = (("circular", 432), ("circular", 5_000), ("square", 432), ("square", 5_000))


def print_times(directory: Path) -> None:
    """Prints a row for each; the first of a kind, which pays for what is loaded once, is not shown."""
    print(f"time of each generator, pictures of {_SIZE} x {_SIZE} pixels")
    _seconds(TaskKind.ART, {"size_pixels": 64}, directory)
    for style in STYLES:
        _row(
            f"art, {style}", 1000 * _seconds(TaskKind.ART, {"style": style, "size_pixels": _SIZE}, directory)
        )
    _seconds(TaskKind.CYMATIC, {"size_pixels": 64}, directory)
    for plate, frequency in _PATTERNS:
        wanted = {"plate": plate, "frequency_hz": frequency, "size_pixels": _SIZE}
        _row(
            f"pattern, {plate} plate at {frequency} Hz", 1000 * _seconds(TaskKind.CYMATIC, wanted, directory)
        )
    for mood in ("calm", "joy", "energy"):
        wanted = {"mood": mood, "duration_seconds": _MUSIC_SECONDS}
        seconds = _seconds(TaskKind.MUSIC, wanted, directory) / _MUSIC_SECONDS
        _row(f"music, {mood}, a second of it", 1000 * seconds)


def _seconds(kind: TaskKind, wanted: dict[str, Any], directory: Path) -> float:
    parameters = completed(kind, json.dumps(wanted))
    started = time.perf_counter()
    make(kind, parameters, directory, lambda *_: None)
    return time.perf_counter() - started


def _row(name: str, milliseconds: float) -> None:
    print(f"{name:56} {milliseconds:10.1f} ms")
