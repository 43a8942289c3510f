"""The gallery shows what the generators make now."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docs.gallery import DOCS, Exhibit, exhibits, spectrogram
from task_svc.art.parameters import STYLES
from task_svc.music.moods import MOODS
from task_svc.music.synthesis import RATE

PICTURES = DOCS / "gallery"
MOST_BYTES = 5_000_000


@pytest.mark.parametrize("exhibit", exhibits(), ids=lambda each: each.name)
def test_the_pictures_are_what_the_generators_make(exhibit: Exhibit) -> None:
    assert (PICTURES / exhibit.name).read_bytes() == exhibit.content(), "make gallery"


def test_the_page_shows_every_style_and_mood_and_all_its_files_are_there() -> None:
    page = (DOCS / "gallery.md").read_text()
    shown = set(re.findall(r"\]\((gallery/[\w.-]+)\)", page))
    assert {f"gallery/{each.name}" for each in exhibits()} <= shown
    assert {f"gallery/art-{style}.png" for style in STYLES} <= shown
    assert {f"gallery/music-{mood}.{kind}" for mood in MOODS for kind in ("png", "mid")} <= shown
    assert [name for name in sorted(shown) if not (DOCS / name).exists()] == []


def test_the_gallery_is_small() -> None:
    kept = [path for path in PICTURES.iterdir() if path.suffix != ".wav"]
    assert sum(path.stat().st_size for path in kept) < MOST_BYTES
    for path in kept:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert max(picture.size) <= 512


def test_a_spectrogram_shows_a_tone_at_its_height(tmp_path: Path) -> None:
    # 800 Hz is the middle, in octaves, of 40 Hz and 16 kHz.
    tone = 0.5 * np.sin(2 * np.pi * 800.0 * np.arange(RATE) / RATE)
    spectrogram(tone, "ink").save(tmp_path / "tone.png")
    with Image.open(tmp_path / "tone.png") as picture:
        light = np.asarray(picture.convert("L"), np.float64)
    assert light.shape == (160, 512)
    assert abs(int(light[:128].mean(axis=1).argmax()) - 64) <= 1
