"""A replica's index without a follower: it shows what it is told, and nothing of the feed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dataset_svc.index import TantivyIndex
from dataset_svc.model import Example

HEAP_BYTES = 15_000_000


async def _nothing() -> AsyncIterator[tuple[int, list[Example]]]:
    yield 0, []


@asynccontextmanager
async def local_index(directory: Path) -> AsyncIterator[TantivyIndex]:
    """An index on the directory, empty if it is new."""
    index = await TantivyIndex.open(directory, heap_bytes=HEAP_BYTES)
    try:
        if index.sequence < 0:
            await index.replace(_nothing())
        yield index
    finally:
        await index.close()
