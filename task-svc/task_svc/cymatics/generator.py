"""Makes the picture and the figures of a cymatic task."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from task_svc import exact
from task_svc.colour import Picture
from task_svc.cymatics.analysis import analyse
from task_svc.cymatics.modes import Excitation, rectangular_plate, round_plate, square_plate
from task_svc.cymatics.palettes import PALETTES
from task_svc.cymatics.parameters import MOST_ANIMATED_PIXELS
from task_svc.cymatics.plates import Plate, RectangularPlate, RoundPlate, SquarePlate
from task_svc.cymatics.render import Canvas, render, render_moments
from task_svc.model import MadeFile, Parameters, Product
from task_svc.png import ANIMATED_MEDIA_TYPE, MEDIA_TYPE, write_apng, write_png
from task_svc.ports import Progress

FILE_NAME: Final = "pattern.png"
ANIMATED_FILE_NAME: Final = "pattern-animated.png"
_LISTED_MODES: Final = 8
_FRAMES: Final = 24  # of one swing to and fro
_FRAME_MS: Final = 60
# Parts of the whole work, in per cent, as measured at 1024 pixels.
_MODES_DONE: Final = 5.0
_STILL_DONE: Final = 90.0
_STILL_DONE_OF_BOTH: Final = 40.0


def make_pattern(parameters: Parameters, directory: Path, progress: Progress) -> Product:
    """Returns the product of completed cymatic parameters: `pattern.png` in `directory`, and its figures.

    An animated one has `pattern-animated.png` too, 512 pixels wide at the most.
    """
    progress(0.0, "finding the modes")
    excitation, plate, wave_number = _driven_plate(parameters)
    progress(_MODES_DONE, "rendering")
    canvas = Canvas(
        parameters["size_pixels"], PALETTES[parameters["palette"]], parameters["seed"], wave_number
    )
    done = _STILL_DONE_OF_BOTH if parameters["animated"] else _STILL_DONE
    picture = render(plate, canvas, _share(progress, _MODES_DONE, done, "rendering"))
    progress(done, "writing the picture")
    path = directory / FILE_NAME
    texts = _texts(parameters)
    write_png(path, picture, texts)
    files = [MadeFile(FILE_NAME, MEDIA_TYPE, path)]
    if parameters["animated"]:
        frames = _frames(plate, canvas, _share(progress, done, _STILL_DONE, "rendering the animation"))
        moving = directory / ANIMATED_FILE_NAME
        write_apng(moving, frames, _FRAME_MS, texts)
        files.append(MadeFile(ANIMATED_FILE_NAME, ANIMATED_MEDIA_TYPE, moving))
    return Product(tuple(files), _result(parameters, excitation, plate))


def _frames(plate: Plate, canvas: Canvas, part: Callable[[float], None]) -> list[Picture]:
    """Returns the pictures of one swing; the way back is the way there."""
    small = replace(canvas, size_pixels=min(canvas.size_pixels, MOST_ANIMATED_PIXELS))
    there = exact.cosine(np.arange(_FRAMES // 2 + 1) / _FRAMES).tolist()
    drawn = list(render_moments(plate, small, there, part))
    return drawn + drawn[-2:0:-1]


def _share(progress: Progress, start: float, end: float, stage: str) -> Callable[[float], None]:
    return lambda part: progress(start + part * (end - start), stage)


def _driven_plate(parameters: Parameters) -> tuple[Excitation, Plate, float]:
    """Returns how the plate swings, the plate, and its wave number per half side of the picture."""
    # The seed chooses where the exciters touch the plate, and scatters the sand.
    place = float(exact.white(parameters["seed"] ^ 0xE7C, 1)[0])
    if parameters["plate"] == "circular":
        excitation = round_plate(parameters["frequency_hz"], 0.2 + 0.7 * place)
        return excitation, RoundPlate(excitation), excitation.wave_number
    if parameters["plate"] == "rectangular":
        # The longer side fills the picture.
        ratio = parameters["aspect_ratio"]
        half_sides = min(1.0, ratio), min(1.0, 1.0 / ratio)
        excitation = rectangular_plate(parameters["frequency_hz"], 0.1 + 0.6 * place, *half_sides)
        return excitation, RectangularPlate(excitation, *half_sides), excitation.wave_number / 2.0
    excitation = square_plate(parameters["frequency_hz"], 0.1 + 0.6 * place)
    return excitation, SquarePlate(excitation), excitation.wave_number / 2.0


def _texts(parameters: Parameters) -> dict[str, str]:
    texts = {
        "Title": f"Cymatic pattern at {parameters['frequency_hz']:g} Hz",
        "Software": "MC AI",
        "Description": parameters["prompt"],
    }
    for name in ("frequency_hz", "plate", "aspect_ratio", "palette", "seed", "emotion"):
        texts[name] = str(parameters.get(name, ""))
    return texts


def _result(parameters: Parameters, excitation: Excitation, plate: Plate) -> dict[str, Any]:
    result: dict[str, Any] = {
        "frequency_hz": parameters["frequency_hz"],
        "plate": parameters["plate"],
        "wave_number": round(excitation.wave_number, 6),
        "modes": [
            {"orders": [mode.first, mode.second], "amplitude": round(mode.amplitude, 6)}
            for mode in excitation.modes[:_LISTED_MODES]
        ],
        "analysis": analyse(plate),
    }
    if parameters["plate"] == "circular":
        result["fold"] = excitation.fold
    if "emotion" in parameters:
        result |= {"emotion": parameters["emotion"], "octaves_raised": parameters["octaves_raised"]}
        result["note"] = _note(parameters)
    return result


def _note(parameters: Parameters) -> str:
    origin = "The frequency comes from this product's own catalogue, which is no established neuroscience"
    octaves = parameters["octaves_raised"]
    if not octaves:
        return f"{origin}."
    source_hz = parameters["frequency_hz"] / 2**octaves
    return f"{origin}; {source_hz:g} Hz was raised by {octaves} octaves into the audible range."
