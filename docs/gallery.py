"""Write the gallery: a page of what the generators make, its pictures and notes (`make gallery`).

The pictures of styles and frequencies are the generators' own files, as a task would hand them out; a test
makes some of them anew and compares. The sound is written beside them and not kept in the repository.
"""

import itertools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from PIL import Image

from task_svc.art.palettes import ART_PALETTES
from task_svc.art.parameters import STYLES
from task_svc.colour import along, encode_srgb, ramp
from task_svc.exact import FloatArray
from task_svc.generators import make
from task_svc.model import Product, TaskKind
from task_svc.music.moods import MOODS
from task_svc.music.synthesis import RATE
from task_svc.parameters import completed

DOCS: Final = Path(__file__).parent
ROUND_HZ: Final = (20, 50, 110, 220, 432, 528, 741, 963, 2000, 5000, 10_000, 20_000)
SQUARE_HZ: Final = (20, 50, 110, 432, 528, 963, 2000, 20_000)
OBLONG_HZ: Final = (20, 110, 432, 963)
_SECONDS: Final = 30
# The spectrogram: its size, the window, and what is shown of pitch and strength.
_WIDTH: Final = 512
_HEIGHT: Final = 128
_WAVE_HEIGHT: Final = 32
_WINDOW: Final = 8192
_LOW_HZ: Final = 40.0
_HIGH_HZ: Final = 16_000.0
_RANGE_DB: Final = 75.0
_COLOURS: Final = 96
_MOOD_COLOURS: Final[Mapping[str, str]] = {
    "joy": "gold",
    "calm": "ocean",
    "energy": "ember",
    "sadness": "storm",
    "mystery": "night",
    "passion": "sunset",
    "peace": "glacier",
    "anxiety": "aurora",
    "love": "blossom",
}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A picture of the gallery: the file's name, what is written below it, and the task that makes it."""

    name: str
    title: str
    kind: TaskKind
    parameters: Mapping[str, Any]

    def content(self) -> bytes:
        """Makes the picture anew and returns its bytes."""
        with tempfile.TemporaryDirectory() as room:
            return _made(self.kind, self.parameters, Path(room)).files[-1].path.read_bytes()


def paintings() -> list[Exhibit]:
    """One picture of every style."""
    return [
        Exhibit(f"art-{style}.png", style, TaskKind.ART, {"style": style, "seed": 1, "size_pixels": 320})
        for style in STYLES
    ]


def figures(plate: str, frequencies_hz: tuple[int, ...]) -> list[Exhibit]:
    """The sweep of one plate."""
    return [
        Exhibit(
            f"cymatic-{plate}-{hz}.png",
            f"{hz:,} Hz",
            TaskKind.CYMATIC,
            {"frequency_hz": hz, "plate": plate, "size_pixels": 256},
        )
        for hz in frequencies_hz
    ]


def exhibits() -> list[Exhibit]:
    """All pictures whose bytes are the same everywhere."""
    swept = [
        *figures("circular", ROUND_HZ),
        *figures("square", SQUARE_HZ),
        *figures("rectangular", OBLONG_HZ),
    ]
    return [*paintings(), *swept, moving()]


def moving() -> Exhibit:
    """The animated figure."""
    asked = {"frequency_hz": 110, "plate": "circular", "size_pixels": 96, "animated": True}
    return Exhibit("cymatic-animated.png", "110 Hz, one swing", TaskKind.CYMATIC, asked)


def spectrogram(sound: FloatArray, palette: str) -> Image.Image:
    """Returns a picture of a sound of shape (samples,): pitch upwards over time, its waveform below."""
    starts = np.linspace(0, len(sound) - _WINDOW, _WIDTH).astype(np.intp)
    hann = np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(np.stack([sound[at : at + _WINDOW] * hann for at in starts]))) ** 2
    edges = np.geomspace(_HIGH_HZ, _LOW_HZ, _HEIGHT + 1) * (_WINDOW / RATE)
    rows = [
        power[:, int(low) : max(int(high), int(low) + 1)].max(axis=1)
        for high, low in itertools.pairwise(edges)
    ]
    level = 10.0 * np.log10(np.array(rows) + 1e-12)
    shown = np.clip(1.0 + (level - level.max()) / _RANGE_DB, 0.0, 1.0)
    blocks = np.abs(sound[: len(sound) // _WIDTH * _WIDTH]).reshape(_WIDTH, -1).max(axis=1)
    height = np.abs(np.arange(_WAVE_HEIGHT) - (_WAVE_HEIGHT - 1) / 2) / (_WAVE_HEIGHT / 2)
    wave = np.where(height[:, None] <= blocks, 0.75, 0.0)
    picture = encode_srgb(along(ramp(ART_PALETTES[palette].ramp), np.concatenate((shown, wave))))
    return Image.fromarray(picture).quantize(_COLOURS, dither=Image.Dither.NONE)


def _made(kind: TaskKind, parameters: Mapping[str, Any], room: Path) -> Product:
    chosen = completed(kind, msgspec.json.encode(parameters).decode())
    return make(kind, chosen, room, lambda *_: None)


def _played(mood: str, directory: Path) -> str:
    """Writes a mood's sound, notes and spectrogram; returns its part of the page."""
    with tempfile.TemporaryDirectory() as room:
        product = _made(TaskKind.MUSIC, {"mood": mood, "seed": 1, "duration_seconds": _SECONDS}, Path(room))
        for file in product.files:
            (directory / f"music-{mood}{file.path.suffix}").write_bytes(file.path.read_bytes())
    # The header of the file has 44 bytes.
    heard = np.fromfile(directory / f"music-{mood}.wav", "<i2", offset=44).reshape(-1, 2)
    picture = spectrogram(heard.mean(axis=1) / 32_768.0, _MOOD_COLOURS[mood])
    picture.save(directory / f"music-{mood}.png", optimize=True)
    told = product.result
    return (
        f"### {mood.capitalize()}\n\n"
        f"{told['tempo_bpm']} beats a minute, {told['key']} {told['scale'].replace('_', ' ')}, "
        f"{told['style']}. "
        f"{', '.join(told['instruments']).replace('_', ' ').capitalize()}.\n"
        f"{told['loudness_lufs']:.1f} LUFS, peak {told['peak_dbfs']:.1f} dB of full scale. "
        f"[Notes](gallery/music-{mood}.mid)\n\n"
        f"![Spectrogram of {mood}](gallery/music-{mood}.png)\n"
    )


def _table(shown: list[Exhibit], columns: int) -> str:
    lines = []
    for start in range(0, len(shown), columns):
        row = shown[start : start + columns]
        pictures = [f"![{each.title}](gallery/{each.name})" for each in row]
        titles = [each.title for each in row]
        # A Markdown table has a head, and the first row of titles is it.
        lines += [titles, ["---"] * len(row), pictures] if start == 0 else [titles, pictures]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(music: list[str]) -> str:
    """Returns the page as Markdown."""
    return f"""# Gallery

What the generators of [task-svc](../task-svc/README.md) make. `make gallery` writes this page, its pictures
and the sound, `docs/gallery/music-*.wav`, which the repository does not keep. The pictures of styles and
figures are the very files that a task with these parameters hands out, on every machine.

## Art

Every style with its own palette, seed 1, 320 pixels: `{{"style": "...", "seed": 1, "size_pixels": 320}}`.

{_table(paintings(), 5)}

## Cymatic figures

The round plate from 20 Hz to 20 kHz, 256 pixels: `{{"frequency_hz": ..., "size_pixels": 256}}`.

{_table(figures("circular", ROUND_HZ), 4)}

The square plate: `{{"frequency_hz": ..., "plate": "square", "size_pixels": 256}}`.

{_table(figures("square", SQUARE_HZ), 4)}

The rectangular plate, 1.618 times as wide as high: `{{"frequency_hz": ..., "plate": "rectangular", ...}}`.

{_table(figures("rectangular", OBLONG_HZ), 4)}

A swing of the round plate: `{{"frequency_hz": 110, "animated": true, "size_pixels": 96}}`.

{_table([moving()], 1)}

## Music

Half a minute of every mood: `{{"mood": "...", "seed": 1, "duration_seconds": {_SECONDS}}}`. A spectrogram
shows {_LOW_HZ:g} Hz to {_HIGH_HZ / 1000:g} kHz upwards, each octave equally high, over {_RANGE_DB:g} dB, and
the waveform below it.

{chr(10).join(music)}"""


def write(docs: Path) -> None:
    """Writes gallery.md and the directory gallery into `docs`."""
    directory = docs / "gallery"
    directory.mkdir(exist_ok=True)
    for each in exhibits():
        (directory / each.name).write_bytes(each.content())
        print(each.name)
    music = []
    for mood in MOODS:
        music.append(_played(mood, directory))
        print(f"music-{mood}")
    (docs / "gallery.md").write_text(page(music))


if __name__ == "__main__":
    write(DOCS)
