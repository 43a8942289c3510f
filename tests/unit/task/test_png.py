"""A picture's file is the same bytes whichever zlib writes it."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from task_svc.png import write_apng, write_png

MOST_MEMORY = 9  # the setting of zlib that Pillow uses


def chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    content, at = path.read_bytes(), 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += 12 + size


def sheet(side: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Half noise, half a slope with a flat corner."""
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    noise[side // 2 :] = np.arange(side, dtype=np.uint8)[None, :, None]
    noise[-side // 4 :, : side // 4] = 7
    return noise


def test_pillow_and_the_interpreter_compress_to_the_same_stream(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    write_png(path, sheet(400, 1), {})
    stream = b"".join(data for kind, data in chunks(path) if kind == b"IDAT")
    ours = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, MOST_MEMORY, zlib.Z_RLE)
    assert ours.compress(zlib.decompress(stream)) + ours.flush() == stream


def test_every_frame_of_an_animation_is_compressed_so(tmp_path: Path) -> None:
    path = tmp_path / "moving.png"
    write_apng(path, [sheet(96, seed) for seed in (1, 2)], 40, {})
    (later,) = [data[4:] for kind, data in chunks(path) if kind == b"fdAT"]
    ours = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, MOST_MEMORY, zlib.Z_RLE)
    assert ours.compress(zlib.decompress(later)) + ours.flush() == later


def test_texts_are_kept_in_any_script_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    write_png(path, sheet(64, 1), {"Description": "\u6d77 \U0001f30a caf\u00e9", "seed": ""})
    with Image.open(path) as opened:
        assert opened.info["Description"] == "\u6d77 \U0001f30a caf\u00e9"
        assert "seed" not in opened.info
