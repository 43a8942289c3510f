"""Pictures: distinct styles that fill their sheet, the same pixels everywhere, prompts out of sight."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from task_svc import exact
from task_svc.art.generator import STYLES as DRAWN
from task_svc.art.palettes import ART_PALETTES
from task_svc.art.parameters import ALIASES, ART_PALETTE_NAMES, STYLES
from task_svc.art.themes import palette_of, style_of
from task_svc.catalogue import emotions
from task_svc.errors import InvalidParameters
from task_svc.generators import make
from task_svc.model import TaskKind
from task_svc.parameters import completed

ART = TaskKind.ART
SMALL = 96
# SHA-256 of picture.png at 96 x 96, seed 1: the same on every Python, numpy, zlib and processor.
FILES = json.loads((Path(__file__).parent / "art_files.json").read_text())
PORTABLE = "SSE3 SSSE3 SSE41 POPCNT SSE42 AVX F16C FMA3 AVX2 AVX512F AVX512CD AVX512_SKX"


def made(tmp_path: Path, **parameters: Any) -> Path:
    chosen = completed(ART, json.dumps({"size_pixels": SMALL, **parameters}))
    return make(ART, chosen, tmp_path, lambda *_: None).files[0].path


def digest(style: str, tmp_path: Path) -> str:
    return hashlib.sha256(made(tmp_path, style=style, seed=1).read_bytes()).hexdigest()


def picture(tmp_path: Path, **parameters: Any) -> Image.Image:
    with Image.open(made(tmp_path, **parameters)) as opened:
        opened.load()
        return opened.copy()


def test_every_style_and_palette_has_its_painter() -> None:
    assert set(DRAWN) == set(STYLES)
    assert set(ART_PALETTES) == set(ART_PALETTE_NAMES)
    assert set(ALIASES.values()) <= set(STYLES)


def test_files_are_the_same_everywhere(tmp_path: Path) -> None:
    assert {style: digest(style, tmp_path) for style in STYLES} == FILES


def test_files_do_not_depend_on_the_vector_units(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from test_art import STYLES, digest\n"
        "for style in STYLES: print(style, digest(style, Path(sys.argv[1])))"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        env={"NPY_DISABLE_CPU_FEATURES": PORTABLE},
    )
    assert dict(line.split() for line in ran.stdout.splitlines()) == FILES


@pytest.mark.parametrize("style", STYLES)
def test_pictures_are_neither_empty_nor_of_one_tone(tmp_path: Path, style: str) -> None:
    shown = np.asarray(picture(tmp_path, style=style, seed=7), np.float64)
    assert shown.shape == (SMALL, SMALL, 3)
    lightness = shown.mean(axis=2)
    assert lightness.std() > 8
    assert np.percentile(lightness, 99) - np.percentile(lightness, 1) > 50


def test_styles_and_seeds_differ_at_first_sight(tmp_path: Path) -> None:
    shown = [np.asarray(picture(tmp_path, style=each, palette="ocean"), np.int16) for each in STYLES]
    shown.append(np.asarray(picture(tmp_path, style="waves", palette="ocean", seed=2), np.int16))
    for number, one in enumerate(shown):
        for other in shown[number + 1 :]:
            assert np.abs(one - other).mean() > 8


def test_the_prompt_is_told_in_the_file_and_not_in_the_picture(tmp_path: Path) -> None:
    told = picture(tmp_path, prompt="a calm ocean", seed=3)
    silent = picture(tmp_path, prompt="calm oceans!", style="waves", palette="ocean", seed=3)
    assert told.info["Description"] == "a calm ocean"
    assert told.info["seed"] == "3"
    assert (told.info["style"], told.info["palette"]) == ("waves", "ocean")
    assert told.tobytes() == silent.tobytes()


def test_an_unknown_style_is_refused_with_the_list() -> None:
    with pytest.raises(InvalidParameters) as refused:
        completed(ART, '{"style": "cubist"}')
    for style in (*STYLES, *ALIASES):
        assert style in refused.value.message
        assert style in refused.value.metadata["allowed"]


@pytest.mark.parametrize(("alias", "style"), ALIASES.items())
def test_aliases_are_styles(alias: str, style: str) -> None:
    chosen = completed(ART, json.dumps({"style": alias}))
    assert (chosen["style"], chosen["style_asked"]) == (style, alias)


@pytest.mark.parametrize(
    ("prompt", "style", "palette"),
    [
        ("a calm ocean", "waves", "ocean"),
        ("mountains at sunset", "landscape", "sunset"),
        ("a purple galaxy", "galaxy", "night"),
        ("cherry blossom", "organic", "blossom"),
        ("grief", None, "storm"),
        ("xyzzy", None, None),
    ],
)
def test_a_prompt_chooses_style_and_colours(prompt: str, style: str | None, palette: str | None) -> None:
    assert (style_of(prompt), palette_of(prompt)) == (style, palette)


@pytest.mark.parametrize("emotion", emotions())
def test_every_emotion_can_be_painted(emotion: str) -> None:
    assert completed(ART, json.dumps({"emotion": emotion}))["palette"] in ART_PALETTES


def test_exact_functions_agree_with_the_library() -> None:
    x = np.linspace(-30.0, 30.0, 30_001)
    assert np.abs(exact.sine(x) - np.sin(2 * np.pi * x)).max() < 1e-11
    assert np.abs(exact.exp2(x) / np.exp2(x) - 1.0).max() < 1e-11
    assert np.abs(exact.log2(np.exp2(x)) - x).max() < 1e-11
    assert np.abs(exact.tanh(x) - np.tanh(x)).max() < 1e-9
    for y in (-2.0, -0.3, 0.4, 5.0):
        expected = np.arctan2(np.full_like(x, y), x) / (2 * np.pi)
        assert np.abs(exact.angle(np.full_like(x, y), x) - expected).max() < 1e-11
    noise = exact.white(5, 100_000)
    assert abs(noise.mean() - 0.5) < 0.01
    assert 0.0 <= noise.min() <= noise.max() < 1.0
