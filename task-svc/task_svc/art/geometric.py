"""Geometric: a square divided again and again, each tile filled with circles and straight lines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from task_svc.art.canvas import Progress, Scene, developed, mixed
from task_svc.art.noise import Noise
from task_svc.colour import Lch, Picture, colour
from task_svc.exact import FloatArray, white

_COARSE: Final = 4  # tiles along a side before any is divided
_DIVIDED: Final = (0.62, 0.16)  # shares of tiles that are divided, by depth
_CONTRAST: Final = 0.17  # least difference in lightness of a figure and what it lies on


@dataclass(frozen=True, slots=True)
class _Tile:
    """A square part of the picture: its corner and side as parts of the whole, and its own dice."""

    left: float
    top: float
    side: float
    dice: tuple[float, ...]


def draw(scene: Scene, progress: Progress) -> Picture:
    """Returns the picture."""
    size = scene.size
    light = np.empty((size, size, 3))
    tiles = list(_tiles(scene.seed))
    for number, tile in enumerate(tiles):
        _paint(light, tile, scene)
        progress(0.9 * (number + 1) / len(tiles))
    at: FloatArray = ((np.arange(size, dtype=np.float64) + 0.5) * (2.0 / size) - 1.0) * 90.0 + 50.0
    paper = Noise(scene.seed + 5).octaves(at[None, :], at[:, None], 2)
    light *= (1.0 + 0.035 * paper)[..., None]
    return developed(light, scene.seed)


def _tiles(seed: int) -> Iterator[_Tile]:
    dice = white(seed * 64 + 3, 8 * 4096).reshape(-1, 8).tolist()
    waiting = [(row, column, 0) for row in range(_COARSE) for column in range(_COARSE)]
    number = 0
    while waiting:
        row, column, depth = waiting.pop()
        thrown = dice[number]
        number += 1
        if depth < len(_DIVIDED) and thrown[0] < _DIVIDED[depth]:
            waiting += [(2 * row + r, 2 * column + c, depth + 1) for r in (0, 1) for c in (0, 1)]
            continue
        side = 1.0 / (_COARSE * 2**depth)
        yield _Tile(column * side, row * side, side, tuple(thrown[1:]))


def _paint(light: FloatArray, tile: _Tile, scene: Scene) -> None:
    size = light.shape[0]
    rows = slice(round(tile.top * size), round((tile.top + tile.side) * size))
    columns = slice(round(tile.left * size), round((tile.left + tile.side) * size))
    u = (np.arange(columns.start, columns.stop) + 0.5).reshape(1, -1) / size - tile.left
    v = (np.arange(rows.start, rows.stop) + 0.5).reshape(-1, 1) / size - tile.top
    u, v = u / tile.side, v / tile.side
    for _ in range(int(tile.dice[0] * 4)):
        u, v = v, 1.0 - u
    ground, figure, dot = _colours(tile, scene)
    pixel = 1.0 / (size * tile.side)
    shape = np.broadcast_shapes(u.shape, v.shape)
    part = np.broadcast_to(colour(ground), (*shape, 3))
    motif = _MOTIFS[int(tile.dice[1] * len(_MOTIFS))]
    for ink, distance in zip((figure, dot), motif(u, v), strict=False):
        cover = np.broadcast_to(np.clip(0.5 - distance / pixel, 0.0, 1.0), shape)
        part = mixed(part, colour(ink), cover)
    light[rows, columns] = part


def _colours(tile: _Tile, scene: Scene) -> tuple[Lch, Lch, Lch]:
    """Returns the colours of the ground, the figure and what lies on the figure."""
    palette = scene.palette
    known = (*palette.accents, palette.paper, palette.ground, palette.paper)
    ground = known[int(tile.dice[2] * len(known))]
    others = [each for each in known if abs(each[0] - ground[0]) >= _CONTRAST]
    figure = others[int(tile.dice[3] * len(others))]
    rest = [each for each in known if abs(each[0] - figure[0]) >= _CONTRAST]
    return ground, figure, rest[int(tile.dice[4] * len(rest))]


def _ball(u: FloatArray, v: FloatArray, x: float, y: float, radius: float) -> FloatArray:
    """Returns the distance from a circle, negative inside."""
    dx, dy = u - x, v - y
    distance: FloatArray = np.sqrt(dx * dx + dy * dy) - radius
    return distance


def _ring(distance: FloatArray, half: float) -> FloatArray:
    return np.abs(distance) - half


_Figure = Callable[[FloatArray, FloatArray], tuple[FloatArray, ...]]


def _quarter(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    return _ball(u, v, 0, 0, 1.0), _ball(u, v, 0, 0, 0.5)


def _arcs(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    whole = _ball(u, v, 0, 0, 0.0)
    rings = [_ring(whole - radius, 0.1) for radius in (0.3, 0.7)]
    return (np.minimum(*rings), _ball(u, v, 1, 1, 0.14))


def _half(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    return np.maximum(_ball(u, v, 0.5, 0.5, 0.5), 0.5 - v), np.maximum(_ball(u, v, 0.5, 0.5, 0.22), 0.5 - v)


def _target(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    return _ball(u, v, 0.5, 0.5, 0.42), _ball(u, v, 0.5, 0.5, 0.2)


def _corner(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    return ((u + v - 1.0) * 0.70710678, _ball(u, v, 0.28, 0.28, 0.13))


def _stripes(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    bars = 0.25 * np.abs((4.0 * u + 0.25) % 1.0 - 0.5) * 2.0
    return (0.125 - bars * 0.5 + 0.0 * v - 0.0625,)


def _petal(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    lens = np.maximum(_ball(u, v, 0, 0, 1.0), _ball(u, v, 1, 1, 1.0))
    return lens, lens + 0.17


def _dots(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    return (_ball((u * 3.0) % 1.0, (v * 3.0) % 1.0, 0.5, 0.5, 0.27) / 3.0,)


def _bows(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    low = np.maximum(_ball(u, v, 0.5, 0.0, 0.5), -v)
    high = np.maximum(_ball(u, v, 0.5, 0.5, 0.5), 0.5 - v)
    return np.minimum(low, high), _ball(u, v, 0.5, 0.75, 0.0) - 0.11


def _kite(u: FloatArray, v: FloatArray) -> tuple[FloatArray, ...]:
    return (np.abs(u - 0.5) + np.abs(v - 0.5) - 0.5) * 0.70710678, _ball(u, v, 0.5, 0.5, 0.16)


_MOTIFS: Final[tuple[_Figure, ...]] = (
    _quarter, _arcs, _half, _target, _corner, _stripes, _petal, _dots, _bows, _kite, _quarter, _petal,
)  # fmt: skip
