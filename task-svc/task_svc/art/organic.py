"""Organic: plants that grow by the rules of an L-system, over a wash of water colours.

A bracketed, stochastic L-system (Przemyslaw Prusinkiewicz and Aristid Lindenmayer, "The Algorithmic
Beauty of Plants", 1990): an apex grows a piece of stem, branches to either side, and ends in a leaf or
a flower. A turtle draws it, its heading drawn upwards a little at each step.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.brush import Sheet
from task_svc.art.canvas import Progress, Scene, developed, mixed, smoothstep
from task_svc.art.noise import Noise
from task_svc.colour import Lch, Picture, colour
from task_svc.exact import FloatArray

_PLANTS: Final = 11
_WASH_DONE: Final = 0.3
_UP: Final = 0.75  # straight up, in turns, since y points down


@dataclass(frozen=True, slots=True)
class _Species:
    """How a plant grows and how its leaves look."""

    steps: int
    bend: float
    spread: float
    leaf: tuple[float, float]
    blossom: float
    forks: float


_SPECIES: Final = (
    _Species(13, 0.012, 0.13, (0.17, 0.22), 0.0, 0.0),  # long leaves in pairs
    _Species(15, 0.010, 0.15, (0.11, 0.36), 0.055, 0.25),  # round leaves, a flower
    _Species(17, 0.020, 0.10, (0.075, 0.30), 0.0, 0.8),  # a twig with many small leaves
    _Species(12, 0.016, 0.10, (0.14, 0.15), 0.075, 0.1),  # grass with a large flower
)


class _Dice:
    """An endless row of numbers from 0 to below 1."""

    def __init__(self, seed: int) -> None:
        row: list[float] = exact.white(seed, 40_000).tolist()
        self._row = iter(row)

    def __call__(self) -> float:
        return next(self._row)


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    sheet = Sheet(_wash(scene))
    progress(_WASH_DONE)
    dice = _Dice(scene.seed * 64 + 13)
    for number in range(_PLANTS):
        # Far plants first: pale, small and between the near ones.
        near = (number + 1) / _PLANTS
        place = ((number * 0.381966 + 0.21) % 1.0) * 2.0 - 1.0
        species = _SPECIES[int(dice() * len(_SPECIES))]
        _Plant(sheet, scene, species, near, dice).grow((place * 0.92, 1.06))
        progress(_WASH_DONE + (1.0 - _WASH_DONE) * near)
    return developed(sheet.light, scene.seed)


class _Plant:
    """A turtle with a species, a place in the depth of the picture, and its inks."""

    def __init__(self, sheet: Sheet, scene: Scene, species: _Species, near: float, dice: _Dice) -> None:
        self._sheet, self._species, self._dice = sheet, species, dice
        palette = scene.palette
        self._scale = (0.62 + 0.42 * near) * (0.85 + 0.3 * dice())
        self._cover = 0.45 + 0.5 * near
        leaf = palette.accents[int(dice() * 3)]
        self._leaf = tuple(colour(_faded(each, palette.paper, near)) for each in (leaf, _darker(leaf)))
        self._stem = colour(_faded(_darker(_darker(leaf)), palette.paper, near))
        bloom = palette.accents[3 + int(dice() * 2)]
        self._bloom = tuple(colour(_faded(each, palette.paper, near)) for each in (bloom, _darker(bloom)))
        self._heart = colour(_faded(palette.ramp[1], palette.paper, near))

    def grow(self, foot: tuple[float, float]) -> None:
        """Draws the plant from its foot."""
        lean = _UP + 0.05 * (self._dice() - 0.5) - 0.035 * foot[0]
        self._axis(foot, lean, self._species.steps, 0.010 * self._scale, 0)

    def _axis(self, at: tuple[float, float], heading: float, steps: int, width: float, depth: int) -> None:
        species, dice = self._species, self._dice
        bend = species.bend * (dice() - 0.5) * 2.0
        length = 0.105 * self._scale * (1.0 if depth == 0 else 0.62)
        side = 1.0 if dice() < 0.5 else -1.0
        for step in range(steps):
            rest = 1.0 - step / steps
            heading += bend + 0.014 * (dice() - 0.5) + 0.02 * (_UP - heading)
            cosine, sine = (float(f(np.array([heading]))[0]) for f in (exact.cosine, exact.sine))
            end = (at[0] + length * cosine, at[1] + length * sine)
            self._sheet.stroke(at, end, (width * rest + 0.0012, width * rest), self._stem, self._cover)
            at, side = end, -side
            if step < 2:
                continue
            if depth < 2 and steps > 5 and dice() < species.forks * 0.5:
                self._axis(at, heading + side * species.spread, steps // 2, width * 0.6, depth + 1)
            self._leaves(at, heading, side, 0.45 + 0.55 * rest)
        self._end(at, heading)

    def _leaves(self, at: tuple[float, float], heading: float, side: float, rest: float) -> None:
        species, dice = self._species, self._dice
        for each in (side, -side)[: 2 if species.forks < 0.2 else 1]:
            size = species.leaf[0] * self._scale * rest * (0.8 + 0.4 * dice())
            turn = heading + each * (species.spread + 0.03 * (dice() - 0.5))
            inks = (self._leaf[0], self._leaf[1]) if each > 0 else (self._leaf[1], self._leaf[0])
            self._sheet.leaf(at, turn, size, species.leaf[1], inks, self._cover)

    def _end(self, at: tuple[float, float], heading: float) -> None:
        species, dice = self._species, self._dice
        if not species.blossom:
            size = species.leaf[0] * self._scale * 0.6
            self._sheet.leaf(at, heading, size, species.leaf[1], (self._leaf[0], self._leaf[1]), self._cover)
            return
        size = species.blossom * self._scale * (1.1 + 0.5 * dice())
        petals, start = 7 + int(dice() * 6), dice()
        for layer, part in ((0.0, 1.7), (0.5, 1.2)):
            for petal in range(petals):
                turn = start + (petal + layer) / petals
                self._sheet.leaf(at, turn, size * part, 0.27, (self._bloom[0], self._bloom[1]), self._cover)
        self._sheet.disc(at, size * 0.34, self._heart, self._cover)


def _wash(scene: Scene) -> FloatArray:
    """Returns the paper with pale pools of colour whose rims are a little darker, as they dry."""
    palette, noise = scene.palette, Noise(scene.seed + 77)
    at = (np.arange(scene.size) + 0.5) * (2.0 / scene.size) - 1.0
    x, y = np.broadcast_arrays(at.reshape(1, -1), at.reshape(-1, 1))
    light = np.broadcast_to(colour(palette.paper), (*x.shape, 3)).copy()
    bend = noise.octaves(x * 1.5 + 9.0, y * 1.5 + 9.0, 5, 0.55)
    dice = scene.dice(14, 24)
    for pool in range(5):
        thrown = dice[4 * pool : 4 * pool + 4]
        dx, dy = x - 1.6 * (thrown[0] - 0.5), y - 1.4 * (thrown[1] - 0.6)
        edge = np.sqrt(dx * dx + dy * dy) - (0.34 + 0.4 * thrown[2]) + 0.34 * bend
        lightness, chroma, hue = palette.accents[pool]
        ink = np.broadcast_to(colour((0.5 + 0.45 * lightness, chroma * 0.8, hue)), light.shape)
        inside = smoothstep(0.02, -0.05, edge) * (
            0.30 + 0.12 * noise.octaves(x * 5.0 + 3.0, y * 5.0 + 40.0, 3)
        )
        light = mixed(light, ink, np.clip(inside, 0.0, 1.0))
        light = mixed(light, ink, 0.28 * exact.exp(-(edge + 0.03) * (edge + 0.03) * 3000.0))
    grain = noise.octaves(x * 120.0 + 5.0, y * 120.0 + 5.0, 2)
    light *= (1.0 + 0.022 * grain)[..., None]
    return light


def _faded(ink: Lch, paper: Lch, near: float) -> Lch:
    """Returns an ink as it looks through the air: nearer to the paper the farther it is."""
    share = 0.66 * (1.0 - near)
    return (ink[0] + (paper[0] - ink[0]) * share, ink[1] * (1.0 - share), ink[2])


def _darker(ink: Lch) -> Lch:
    return (ink[0] * 0.82, ink[1] * 0.95, ink[2])
