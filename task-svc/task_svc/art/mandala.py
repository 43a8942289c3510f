"""Mandala: rings of petals, drops, dots and bows around one centre, each repeated by rotation and mirrored.

The plane is folded into one sector of each ring; what is drawn there is drawn everywhere (a dihedral group).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc import exact
from task_svc.art.canvas import Progress, Scene, mixed, shaded, smoothstep
from task_svc.art.noise import Noise
from task_svc.colour import Picture, colour
from task_svc.exact import PI, FloatArray

_FOLDS: Final = (6, 8, 8, 10, 12, 12, 16)
_LINE: Final = 0.0045  # half width of the outlines, in half sides
_RIM: Final = 0.93


@dataclass(frozen=True, slots=True)
class _Ring:
    """What lies between two radii: a motif, repeated `count` times, and its colours."""

    inner: float
    outer: float
    count: int
    motif: int
    turned: bool
    fill: FloatArray
    core: FloatArray
    band: float


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    return shaded(scene, _Mandala(scene), progress)


class _Mandala:
    """The rings from the outermost to the innermost; each may overlap the one outside of it."""

    def __init__(self, scene: Scene) -> None:
        palette = scene.palette
        dice = scene.dice(9, 120)
        self._ground, self._halo = colour(palette.ground), colour(palette.ramp[1])
        self._line = colour(palette.ramp[4])
        self._noise = Noise(scene.seed + 3)
        self._inks = [colour(each) for each in (*palette.accents, *palette.ramp[1:4])]
        self._dice = dice
        self._rings = self._cut(_FOLDS[int(dice[0] * len(_FOLDS))])

    def _cut(self, fold: int) -> list[_Ring]:
        rings: list[_Ring] = []
        outer, at, last = _RIM, 1, -1
        while outer > 0.13 and len(rings) < 11:
            d = self._dice[at : at + 6]
            at += 6
            depth = (0.09 + 0.15 * d[0]) * (0.75 + 0.5 * outer)
            inner = max(outer - depth, 0.08)
            motif = int(d[1] * len(_MOTIFS))
            if motif == last:
                motif = (motif + 1) % len(_MOTIFS)
            last = motif
            # Elements about as wide as they are deep, in a multiple of the fold.
            room = PI * (inner + outer) / max(depth * 0.85, 0.05)
            count = fold * max(1, min(6, int(room / fold + 0.5)))
            fill = int(d[2] * len(self._inks))
            core = (fill + 1 + int(d[3] * (len(self._inks) - 2))) % len(self._inks)
            rings.append(
                _Ring(
                    inner,
                    outer,
                    count,
                    motif,
                    d[4] < 0.5,
                    self._inks[fill],
                    self._inks[core],
                    0.16 + 0.3 * (d[5] > 0.5),
                )
            )
            outer = inner + depth * 0.2 * (d[5] > 0.35)
        return rings

    def __call__(self, x: FloatArray, y: FloatArray) -> FloatArray:
        radius = np.sqrt(x * x + y * y)
        turns = exact.angle(y, x) + 0.25
        pixel = abs(float(x[0, 1] - x[0, 0]))
        light = self._backdrop(x, y, radius)
        for ring in self._rings:
            reach = (ring.outer - ring.inner) * 0.5
            seen = (radius < ring.outer + reach) & (radius > ring.inner - reach)
            if not seen.any():
                continue
            light[seen] = self._drawn(ring, radius[seen], turns[seen], light[seen], pixel)
        return self._heart(light, radius, turns, pixel)

    def _backdrop(self, x: FloatArray, y: FloatArray, radius: FloatArray) -> FloatArray:
        glow = 0.85 / (1.0 + 2.2 * radius * radius)
        cloud = 1.0 + 0.16 * self._noise.octaves(x * 2.0 + 9.0, y * 2.0 + 9.0, 4)
        light: FloatArray = self._ground + (self._halo - self._ground) * (glow * cloud * 0.8)[..., None]
        return light

    def _drawn(
        self, ring: _Ring, radius: FloatArray, turns: FloatArray, light: FloatArray, pixel: float
    ) -> FloatArray:
        sector = turns * ring.count + (0.5 if ring.turned else 0.0)
        aside = np.abs(sector - np.rint(sector))
        # In the ring's own measure: u along the arc from the sector's middle, v outwards from 0 to 1.
        depth = ring.outer - ring.inner
        u, v = aside * (2.0 * PI / ring.count) * radius / depth, (radius - ring.inner) / depth
        half = 0.5 * (2.0 * PI / ring.count) * (ring.inner + 0.5 * depth) / depth
        shape, inner = _MOTIFS[ring.motif](u, v, half)
        shape, inner = shape * depth, inner * depth
        shade = (0.72 + 0.5 * np.clip(v, 0.0, 1.0))[:, None]
        middle = np.abs(radius - 0.5 * (ring.inner + ring.outer)) - 0.5 * depth
        under = np.broadcast_to(ring.core * 0.5 + self._ground * 0.5, light.shape)
        light = mixed(light, under, ring.band * np.clip(0.5 - middle / pixel, 0.0, 1.0))
        light = mixed(light, np.clip(ring.fill * shade, 0.0, 1.0), np.clip(0.5 - shape / pixel, 0.0, 1.0))
        light = mixed(light, np.broadcast_to(ring.core, light.shape), np.clip(0.5 - inner / pixel, 0.0, 1.0))
        edges = np.minimum(np.abs(shape), np.abs(inner) + _LINE * 0.35) - _LINE
        return mixed(light, np.broadcast_to(self._line, light.shape), np.clip(0.5 - edges / pixel, 0.0, 1.0))

    def _heart(self, light: FloatArray, radius: FloatArray, turns: FloatArray, pixel: float) -> FloatArray:
        fold = self._rings[0].count
        petal = 0.10 + 0.028 * exact.cosine(turns * min(fold, 12))
        for size, ink in ((1.0, self._inks[3]), (0.62, self._inks[0]), (0.28, self._line)):
            light = mixed(
                light,
                np.broadcast_to(ink, light.shape),
                smoothstep(0.5 * pixel, -0.5 * pixel, radius - petal * size),
            )
        rim = np.abs(radius - _RIM - 0.018) - _LINE
        return mixed(light, np.broadcast_to(self._line, light.shape), np.clip(0.5 - rim / pixel, 0.0, 1.0))


def _ball(u: FloatArray, v: FloatArray, at: float, size: float) -> FloatArray:
    distance: FloatArray = np.sqrt(u * u + (v - at) * (v - at)) - size
    return distance


def _petal(u: FloatArray, v: FloatArray, half: float) -> tuple[FloatArray, FloatArray]:
    place = np.clip(v, 0.0, 1.0)
    outline = 1.9 * half * np.sqrt(place) * (1.0 - place) * (0.6 + 0.8 * place)
    shape = np.maximum(u - outline, np.maximum(-v, v - 1.0))
    return shape, np.maximum(u - outline * 0.45, np.maximum(0.18 - v, v - 0.8))


def _drop(u: FloatArray, v: FloatArray, half: float) -> tuple[FloatArray, FloatArray]:
    size = min(0.4, 0.9 * half)
    ball = _ball(u, v, 1.0 - size - 0.05, size)
    tail = np.maximum(u - size * np.clip(v / (1.0 - size), 0.0, 1.0) * 0.96, np.maximum(-v, v - (1.0 - size)))
    return np.minimum(ball, tail), _ball(u, v, 1.0 - size - 0.05, size * 0.45)


def _dots(u: FloatArray, v: FloatArray, half: float) -> tuple[FloatArray, FloatArray]:
    size = min(0.44, 0.86 * half)
    return _ball(u, v, 0.5, size), _ball(u, v, 0.5, size * 0.4)


def _bow(u: FloatArray, v: FloatArray, half: float) -> tuple[FloatArray, FloatArray]:
    size = min(half, 0.9)
    shape = np.maximum(np.sqrt(u * u + v * v * (size * size / 0.81)) - size, -v)
    return shape, shape + 0.26 * size


def _star(u: FloatArray, v: FloatArray, half: float) -> tuple[FloatArray, FloatArray]:
    shape = np.maximum(u / max(half, 0.2) + v - 0.95, -v) * min(half, 0.7)
    return shape, _ball(u, v, 0.32, 0.17 * min(1.0, 2.0 * half))


def _lattice(u: FloatArray, v: FloatArray, half: float) -> tuple[FloatArray, FloatArray]:
    kite = (u / max(half, 0.15) + np.abs(v - 0.5) * 2.2 - 1.0) * min(half, 0.45)
    return kite, kite + 0.12


_MOTIFS: Final = (_petal, _drop, _dots, _bow, _star, _petal, _lattice)
