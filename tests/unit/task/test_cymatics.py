"""The figures: correct functions, distinct pictures, the same bytes for the same request."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from task_svc.colour import encode_srgb, ramp
from task_svc.cymatics.analysis import figures, polar_grid
from task_svc.cymatics.bessel import bessel_j, zeros_between
from task_svc.cymatics.modes import rectangular_plate, round_plate, square_plate, wave_number
from task_svc.cymatics.palettes import PALETTES as DRAWN
from task_svc.cymatics.parameters import PALETTES, PLATES
from task_svc.cymatics.plates import RectangularPlate, RoundPlate, SquarePlate
from task_svc.errors import InvalidParameters
from task_svc.generators import make
from task_svc.model import TaskKind
from task_svc.parameters import completed

# SHA-256 of the last file of each figure, 96 pixels wide: the same on every Python, numpy and zlib.
FILES = json.loads((Path(__file__).parent / "cymatic_files.json").read_text())
PORTABLE = "SSE3 SSSE3 SSE41 POPCNT SSE42 AVX F16C FMA3 AVX2 AVX512F AVX512CD AVX512_SKX"


def drawn(tmp_path: Path, **parameters: Any) -> tuple[bytes, dict[str, Any]]:
    chosen = completed(TaskKind.CYMATIC, json.dumps({"size_pixels": 96, **parameters}))
    product = make(TaskKind.CYMATIC, chosen, tmp_path, lambda *_: None)
    return product.files[0].path.read_bytes(), dict(product.result)


def digest(figure: str, tmp_path: Path) -> str:
    """The digest of a figure's last file; it is named by plate, frequency or emotion, and "animated"."""
    plate, tone, *animated = figure.split()
    wish = {"frequency_hz": int(tone)} if tone.isdigit() else {"emotion": tone}
    asked = {"size_pixels": 96, "plate": plate, "animated": bool(animated), **wish}
    product = make(
        TaskKind.CYMATIC, completed(TaskKind.CYMATIC, json.dumps(asked)), tmp_path, lambda *_: None
    )
    return hashlib.sha256(product.files[-1].path.read_bytes()).hexdigest()


def pixels(content: bytes, tmp_path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    path = tmp_path / "again.png"
    path.write_bytes(content)
    with Image.open(path) as picture:
        return np.asarray(picture, np.int16)


@pytest.mark.parametrize(
    ("order", "x", "value"),
    # Abramowitz & Stegun, tables 9.1, 9.2 and 9.4.
    [
        (0, 0.0, 1.0),
        (0, 1.0, 0.7651976865579666),
        (1, 1.0, 0.4400505857449335),
        (2, 1.0, 0.1149034849319005),
        (0, 10.0, -0.2459357644513483),
        (10, 10.0, 0.2074861066333589),
        (50, 50.0, 0.12140902189761506),
        (100, 100.0, 0.09636667329586156),
        (100, 1.0, 8.431828789626e-189),
    ],
)
def test_bessel_functions_have_their_tabulated_values(order: int, x: float, value: float) -> None:
    assert bessel_j((order,), np.array([x]))[0, 0] == pytest.approx(value, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("order", "zeros"),
    # Abramowitz & Stegun, table 9.5.
    [
        (0, [2.404825557695773, 5.520078110286311, 8.653727912911013]),
        (1, [3.831705970207512, 7.015586669815619]),
        (5, [8.771483815959954]),
    ],
)
def test_zeros_are_those_of_the_table(order: int, zeros: list[float]) -> None:
    found = zeros_between((order,), 0.0, 9.0)
    assert [zero.value for zero in found] == pytest.approx(zeros, abs=1e-12)
    assert [(zero.order, zero.index) for zero in found] == [(order, 1 + n) for n in range(len(zeros))]


def test_zeros_are_zeros_and_none_is_missing() -> None:
    orders = (0, 3, 40, 180)
    zeros = zeros_between(orders, 0.0, 200.0)
    values = [bessel_j((zero.order,), np.array([zero.value]))[0, 0] for zero in zeros]
    assert np.abs(values).max() < 1e-12
    fine = bessel_j(orders, np.arange(0.1, 200.0, 0.05))
    changes = np.count_nonzero(fine[:, :-1] * fine[:, 1:] < 0, axis=1)
    assert [sum(zero.order == order for zero in zeros) for order in orders] == changes.tolist()
    within = zeros_between(orders, 50.0, 60.0)
    assert [(zero.order, zero.index) for zero in within] == [
        (zero.order, zero.index) for zero in zeros if 50 <= zero.value <= 60
    ]


def test_the_analysis_reproduces_the_reference_of_the_old_system() -> None:
    angles, radii = polar_grid()
    pattern = bessel_j((2,), radii[0])[0][None, :] * np.cos(2 * angles)
    assert figures(pattern) == {"symmetry": 0.115205, "complexity": 0.00769857, "coherence": 0.95335}


@pytest.mark.parametrize("frequency_hz", [20.0, 432.0, 20_000.0])
def test_the_rim_of_the_round_plate_rests(frequency_hz: float) -> None:
    plate = RoundPlate(round_plate(frequency_hz, 0.5))
    angles = np.linspace(0, 2 * np.pi, 90)
    rim = [plate.swing(np.array([[np.cos(t)]]), np.array([[np.sin(t)]]))[0, 0] for t in angles]
    assert np.abs(rim).max() < 1e-6


@pytest.mark.parametrize("frequency_hz", [20.0, 73.0, 432.0, 5000.0])
def test_figures_have_the_symmetry_of_their_exciters(frequency_hz: float) -> None:
    excitation = round_plate(frequency_hz, 0.5)
    plate = RoundPlate(excitation)
    turn = 2 * np.pi / excitation.fold
    radius, angle = np.full(7, 0.6), np.linspace(0.1, 0.9, 7)
    one = plate.swing(radius * np.cos(angle), radius * np.sin(angle))
    other = plate.swing(radius * np.cos(angle + turn), radius * np.sin(angle + turn))
    np.testing.assert_allclose(one, other, atol=1e-9)

    square = SquarePlate(square_plate(frequency_hz, 0.3))
    grid = np.linspace(-0.9, 0.9, 9)
    swing = np.abs(square.swing(grid[None, :], grid[:, None]))
    np.testing.assert_allclose(swing, swing[::-1], atol=1e-9)
    np.testing.assert_allclose(swing, swing.T, atol=1e-9)

    rectangle = RectangularPlate(rectangular_plate(frequency_hz, 0.3, 1.0, 0.5), 1.0, 0.5)
    swing = np.abs(rectangle.swing(grid[None, :], 0.5 * grid[:, None]))
    np.testing.assert_allclose(swing, swing[::-1], atol=1e-9)
    np.testing.assert_allclose(swing, swing[:, ::-1], atol=1e-9)


def test_a_rectangle_swings_in_modes_of_its_own_sides() -> None:
    excitation = rectangular_plate(432.0, 0.3, 1.0, 0.5)
    for mode in excitation.modes:
        # Twice as many half waves fit on the side that is twice as long.
        assert mode.wave_number == pytest.approx(np.pi * np.hypot(mode.first, 2 * mode.second), rel=1e-12)
    plate = RectangularPlate(excitation, 1.0, 0.5)
    # Free sides: the swing has no slope across them.
    along, step = np.linspace(-0.4, 0.4, 9)[:, None], 1e-5
    inside, at_the_side = (plate.swing(np.array([[x]]), along) for x in (1.0 - step, 1.0))
    assert np.abs(inside - at_the_side).max() < 1e-6


@pytest.mark.parametrize(("ratio", "shape"), [(2.0, (90, 45)), (0.5, (45, 90)), (1.0, (90, 90))])
def test_a_rectangle_is_as_wide_as_it_is_high_times_its_ratio(
    tmp_path: Path, ratio: float, shape: tuple[int, int]
) -> None:
    content, result = drawn(tmp_path, plate="rectangular", aspect_ratio=ratio)
    lit = pixels(content, tmp_path).max(axis=2) > 20
    assert (np.count_nonzero(lit.any(axis=0)), np.count_nonzero(lit.any(axis=1))) == pytest.approx(
        shape, abs=2
    )
    assert result["plate"] == "rectangular"


def test_only_a_rectangle_has_a_ratio(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameters, match="rectangular"):
        drawn(tmp_path, plate="square", aspect_ratio=2.0)
    with pytest.raises(InvalidParameters, match="aspect_ratio"):
        drawn(tmp_path, plate="rectangular", aspect_ratio=3.0)


def test_higher_tones_have_finer_figures() -> None:
    finer = [wave_number(f) for f in (20, 200, 2_000, 20_000)]
    assert finer == sorted(finer)
    for plate in (round_plate, square_plate):
        for frequency_hz in (20.0, 33.0, 50.0, 100.0, 432.0, 20_000.0):
            assert plate(frequency_hz, 0.5).modes


@pytest.mark.parametrize("plate", PLATES)
def test_pictures_of_different_frequencies_differ_at_first_sight(tmp_path: Path, plate: str) -> None:
    heard = (20, 50, 110, 220, 432, 440, 528, 741, 963, 2_000, 6_000, 20_000)
    pictures = [pixels(drawn(tmp_path, frequency_hz=hz, plate=plate)[0], tmp_path) for hz in heard]
    for number, one in enumerate(pictures):
        for other in pictures[number + 1 :]:
            assert np.abs(one - other).mean() > 10


@pytest.mark.parametrize("plate", PLATES)
def test_the_same_request_gives_the_same_bytes(tmp_path: Path, plate: str) -> None:
    first, result = drawn(tmp_path, plate=plate, seed=5)
    again, result_again = drawn(tmp_path, plate=plate, seed=5)
    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()
    assert result == result_again
    assert drawn(tmp_path, plate=plate, seed=6)[0] != first


@pytest.mark.parametrize("figure", FILES)
def test_files_are_the_same_everywhere(tmp_path: Path, figure: str) -> None:
    assert digest(figure, tmp_path) == FILES[figure]


def test_files_do_not_depend_on_the_vector_units(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from test_cymatics import FILES, digest\n"
        "for figure in FILES: print(figure, digest(figure, Path(sys.argv[1])), sep='=')"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        env={"NPY_DISABLE_CPU_FEATURES": PORTABLE},
    )
    assert dict(line.split("=") for line in ran.stdout.splitlines()) == FILES


def test_an_animation_is_one_swing_and_the_still_picture_its_first_moment(tmp_path: Path) -> None:
    chosen = completed(TaskKind.CYMATIC, '{"size_pixels": 64, "animated": true}')
    still, moving = make(TaskKind.CYMATIC, chosen, tmp_path, lambda *_: None).files
    assert moving.media_type == "image/apng"
    with Image.open(still.path) as picture, Image.open(moving.path) as animation:
        frames = getattr(animation, "n_frames", 0)
        assert frames == 24
        assert animation.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
        animation.seek(6)
        assert animation.convert("RGB").tobytes() != picture.convert("RGB").tobytes()


@pytest.mark.parametrize("palette", PALETTES)
def test_palettes_grow_evenly_and_lie_within_srgb(palette: str) -> None:
    linear = ramp(DRAWN[palette].plate)
    assert linear.shape == (1024, 3)
    steps = np.abs(np.diff(encode_srgb(linear).astype(int), axis=0)).max()
    assert steps <= 2


def test_emotions_say_where_their_frequency_comes_from(tmp_path: Path) -> None:
    _, result = drawn(tmp_path, emotion="grief")
    assert result["octaves_raised"] == 6
    assert "6 Hz was raised by 6 octaves" in result["note"]
    assert "no established neuroscience" in result["note"]


def test_progress_grows_to_the_end_and_can_stop_the_work(tmp_path: Path) -> None:
    told: list[float] = []
    parameters = completed(TaskKind.CYMATIC, '{"size_pixels": 256}')
    make(TaskKind.CYMATIC, parameters, tmp_path, lambda percent, _: told.append(percent))
    assert told == sorted(told)
    assert len(told) > 4

    def stop(percent: float, _: str) -> None:
        if percent > 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make(TaskKind.CYMATIC, parameters, tmp_path, stop)
