"""The colours of plates and sand.

A palette is two ramps over a plate: what the vibrating metal looks like from still to strongest swing, and
the colour of the sand that lies on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from task_svc.colour import Lch


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as (lightness 0-1, chroma 0-0.4, hue in degrees) of OKLCH."""

    plate: tuple[Lch, ...]
    sand: Lch
    ground: Lch


PALETTES: Final[Mapping[str, Palette]] = {
    "sand": Palette(
        ((0.16, 0.02, 285), (0.26, 0.06, 285), (0.44, 0.11, 300), (0.60, 0.15, 340)),
        (0.90, 0.09, 82),
        (0.10, 0.012, 285),
    ),
    "ocean": Palette(
        ((0.18, 0.05, 255), (0.32, 0.09, 245), (0.52, 0.11, 220), (0.74, 0.11, 195)),
        (0.97, 0.03, 190),
        (0.12, 0.03, 255),
    ),
    "ember": Palette(
        ((0.16, 0.03, 20), (0.30, 0.10, 22), (0.50, 0.17, 32), (0.70, 0.16, 55)),
        (0.96, 0.08, 95),
        (0.10, 0.02, 20),
    ),
    "aurora": Palette(
        ((0.17, 0.05, 290), (0.34, 0.12, 285), (0.55, 0.13, 200), (0.78, 0.17, 155)),
        (0.98, 0.03, 150),
        (0.11, 0.03, 285),
    ),
    "ink": Palette(
        ((0.97, 0.01, 90), (0.94, 0.015, 88), (0.89, 0.02, 85), (0.83, 0.03, 80)),
        (0.24, 0.03, 265),
        (0.985, 0.005, 90),
    ),
}
