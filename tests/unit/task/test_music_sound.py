"""What a listener hears and a machine pays: bass, percussion, width, ten minutes in the memory of one."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from task_svc.exact import FloatArray
from task_svc.model import TaskKind
from task_svc.music.compose import compose
from task_svc.music.mixer import mixed
from task_svc.music.moods import MOODS, PROGRESSIONS
from task_svc.music.score import Score
from task_svc.music.synthesis import RATE
from task_svc.parameters import completed

WISHES = {
    **{mood: {"mood": mood} for mood in MOODS},
    **{style: {"mood": "love", "style": style} for style in PROGRESSIONS},
}
QUIET = {"calm", "sadness", "peace"}  # in their own styles they have no percussion
# Makes a piece and tells what it took: peak memory in KiB and processor seconds.
PLAY = """
import json, resource, sys, time
from pathlib import Path
from task_svc.generators import make
from task_svc.model import TaskKind
from task_svc.parameters import completed
wanted = completed(TaskKind.MUSIC, json.dumps({"mood": "love", "duration_seconds": int(sys.argv[1])}))
product = make(TaskKind.MUSIC, wanted, Path(sys.argv[2]), lambda *_: None)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak, time.process_time(), product.result["loudness_lufs"])
"""


def score(wish: str) -> Score:
    wanted = {**WISHES[wish], "duration_seconds": 16, "seed": 1}
    return compose(completed(TaskKind.MUSIC, json.dumps(wanted)))


def sound(piece: Score) -> FloatArray:
    return np.concatenate(list(mixed(piece)), axis=1)


def without(piece: Score, name: str) -> Score:
    return dataclasses.replace(piece, parts=tuple(part for part in piece.parts if part.name != name))


def band_db(heard: FloatArray, low_hz: float, high_hz: float) -> float:
    """The energy of a band, in dB."""
    power = np.abs(np.fft.rfft(heard.mean(axis=0))) ** 2
    hz = np.fft.rfftfreq(heard.shape[1], 1 / RATE)
    return float(10 * np.log10(power[(hz > low_hz) & (hz < high_hz)].sum()))


@pytest.mark.parametrize("wish", WISHES)
def test_bass_and_percussion_are_heard_and_the_sound_is_wide(wish: str) -> None:
    piece = score(wish)
    whole = sound(piece)
    assert band_db(whole, 35, 160) - band_db(sound(without(piece, "Bass")), 35, 160) > 3.0
    percussion = [part for part in piece.parts if part.name == "Percussion" and part.notes]
    assert bool(percussion) == (wish not in QUIET)
    if percussion:
        alone = sound(dataclasses.replace(piece, parts=tuple(percussion)))
        assert 10 * np.log10((alone**2).sum() / (whole**2).sum()) > -25.0
    middle, side = whole[0] + whole[1], whole[0] - whole[1]
    width_db = 10 * np.log10((side**2).sum() / (middle**2).sum())
    assert -25.0 < width_db < 0.0  # neither one channel twice, nor two that cancel in one loudspeaker


@pytest.mark.timeout(600)  # half a minute of work, on a machine with nothing else to do
def test_ten_minutes_take_the_memory_of_half_a_minute_and_far_less_than_their_time(tmp_path: Path) -> None:
    def played(seconds: int) -> list[float]:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-W", "ignore", "-c", PLAY, str(seconds), str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
        )
        return [float(figure) for figure in ran.stdout.split()]

    short, long = played(30), played(600)
    # The samples of ten minutes, as they are mixed, are 423 MB.
    assert long[0] - short[0] < 60_000
    assert long[1] < 300.0
    assert long[2] == pytest.approx(-14.0, abs=0.5)
    assert (tmp_path / "music.wav").stat().st_size == 44 + 600 * RATE * 4
