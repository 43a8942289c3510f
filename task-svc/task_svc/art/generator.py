"""Makes the picture of an art task."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from task_svc.art import (
    abstract,
    fractal,
    galaxy,
    geometric,
    gradient,
    landscape,
    mandala,
    organic,
    particles,
    waves,
)
from task_svc.art.canvas import Progress as Part
from task_svc.art.canvas import Scene
from task_svc.art.palettes import ART_PALETTES
from task_svc.colour import Picture
from task_svc.model import MadeFile, Parameters, Product
from task_svc.png import MEDIA_TYPE, write_png
from task_svc.ports import Progress

FILE_NAME: Final = "picture.png"
_DRAWN: Final = 90.0

STYLES: Final[Mapping[str, Callable[[Scene, Part], Picture]]] = {
    "abstract": abstract.draw,
    "geometric": geometric.draw,
    "organic": organic.draw,
    "fractal": fractal.draw,
    "waves": waves.draw,
    "particles": particles.draw,
    "gradient": gradient.draw,
    "mandala": mandala.draw,
    "galaxy": galaxy.draw,
    "landscape": landscape.draw,
}


def make_picture(parameters: Parameters, directory: Path, progress: Progress) -> Product:
    """Returns the product of completed art parameters: `picture.png` in `directory`, and what it shows."""
    style = parameters["style"]
    stage = f"drawing {style}"
    progress(0.0, stage)
    scene = Scene(parameters["size_pixels"], parameters["seed"], ART_PALETTES[parameters["palette"]])
    picture = STYLES[style](scene, lambda part: progress(part * _DRAWN, stage))
    progress(_DRAWN, "writing the picture")
    path = directory / FILE_NAME
    write_png(path, picture, _texts(parameters))
    result = {name: parameters[name] for name in ("style", "palette", "seed", "size_pixels")}
    return Product((MadeFile(FILE_NAME, MEDIA_TYPE, path),), result)


def _texts(parameters: Parameters) -> dict[str, str]:
    return {
        "Title": parameters["prompt"][:80]
        or f"{parameters['style'].capitalize()} in {parameters['palette']}",
        "Software": "MC AI",
        "Description": parameters["prompt"],
        "style": parameters["style"],
        "palette": parameters["palette"],
        "seed": str(parameters["seed"]),
        "emotion": parameters.get("emotion", ""),
    }
