"""Makes the two files of a music task."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from task_svc.exact import FloatArray
from task_svc.model import MadeFile, Parameters, Product
from task_svc.music.compose import compose
from task_svc.music.mastering import Levels, RawMix
from task_svc.music.midi import write_midi
from task_svc.music.mixer import BLOCK, mixed
from task_svc.music.score import Score
from task_svc.music.synthesis import RATE
from task_svc.ports import Progress

WAV_NAME: Final = "music.wav"
MIDI_NAME: Final = "music.mid"
_WAV_MEDIA_TYPE: Final = "audio/wav"
_MIDI_MEDIA_TYPE: Final = "audio/midi"
# Parts of the whole work, in per cent, as measured.
_COMPOSED: Final = 2.0
_PLAYED: Final = 85.0


def make_music(parameters: Parameters, directory: Path, progress: Progress) -> Product:
    """Returns the product of completed music parameters: `music.wav` and `music.mid`, and its figures."""
    progress(0.0, "composing")
    score = compose(parameters)
    notes = directory / MIDI_NAME
    write_midi(score, notes)
    progress(_COMPOSED, "playing")
    mix = RawMix(directory / "mix.raw")
    mix.write(_playing(score, progress))
    sound = directory / WAV_NAME
    levels = mix.master(sound, lambda part: progress(_PLAYED + part * (100.0 - _PLAYED), "mastering"))
    files = (MadeFile(WAV_NAME, _WAV_MEDIA_TYPE, sound), MadeFile(MIDI_NAME, _MIDI_MEDIA_TYPE, notes))
    return Product(files, _result(parameters, score, levels))


def _playing(score: Score, progress: Progress) -> Iterator[FloatArray]:
    blocks = score.seconds * RATE / BLOCK
    for number, block in enumerate(mixed(score), start=1):
        yield block
        progress(_COMPOSED + min(1.0, number / blocks) * (_PLAYED - _COMPOSED), "playing")


def _result(parameters: Parameters, score: Score, levels: Levels) -> dict[str, Any]:
    told = ("mood", "style", "scale", "key", "tempo_bpm", "duration_seconds", "seed")
    result: dict[str, Any] = {name: parameters[name] for name in told}
    result |= {
        "title": score.title,
        "bars": score.bars,
        "chords": list(score.chords),
        "instruments": [part.instrument for part in score.parts],
        "notes": dict(Counter({part.name.lower(): len(part.notes) for part in score.parts})),
        "loudness_lufs": levels.loudness_lufs,
        "peak_dbfs": levels.peak_dbfs,
    }
    if "emotion" in parameters:
        result["emotion"] = parameters["emotion"]
    return result
