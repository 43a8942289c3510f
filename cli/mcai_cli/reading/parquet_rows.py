"""Parquet, by pyarrow (the extra `parquet`): a batch of rows at a time.

The file is decoded twice: first as a whole, since a damaged page may come late, then for its rows.
"""

from collections.abc import Iterator
from typing import Any

from mcai_cli.reading.fields import PairReader
from mcai_cli.reading.model import BrokenFileError, Item, Parsed, ReadingRules
from mcai_cli.reading.shapes import TABLE_FIELDS, Shapes
from mcai_cli.reading.source import Source
from mcai_cli.reading.tables import EXPORTED_FIELDS, exported_row, with_metadata

MAGIC = b"PAR1"
BATCH_ROWS = 1_000
MAX_ROW_GROUP_BYTES = 4 * 2**30
MAX_FOOTER_BYTES = 64 * 2**20
MAX_FOOTER_VALUES = 1_000_000


def parquet_items(source: Source, origin: str, rules: ReadingRules) -> Iterator[Item]:
    """The rows of a Parquet file."""
    path = source.on_disk()
    if path is None:
        raise BrokenFileError("Parquet is compressed in itself: unpack it, and import the .parquet file.")
    for _ in _batches(str(path), rules):
        pass
    shapes, number = Shapes(rules), 0
    for batch in _batches(str(path), rules):
        for value in batch:
            number += 1
            place = f"{origin}#{number}"
            if list(value) == EXPORTED_FIELDS and (row := exported_row(value, place)) is not None:
                yield row
            else:
                yield from shapes.value(Parsed(with_metadata(value), place))
    yield from shapes.rest(origin)


def _batches(path: str, rules: ReadingRules) -> Iterator[list[dict[str, Any]]]:
    try:
        import pyarrow as pa  # noqa: PLC0415  an optional extra
        import pyarrow.parquet as pq  # noqa: PLC0415  as above
    except ImportError:
        raise BrokenFileError(
            "Parquet needs pyarrow, which is not installed: `uv sync --all-packages --extra parquet`, or "
            "`pip install pyarrow`."
        ) from None
    try:
        with pq.ParquetFile(
            path,
            # Read through a small buffer, so that a large row group does not come into memory at once.
            buffer_size=1 << 20,
            pre_buffer=False,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
            thrift_container_size_limit=MAX_FOOTER_VALUES,
            page_checksum_verification=True,
        ) as file:
            _check_bounds(file.metadata)
            names = file.schema_arrow.names
            if (refusal := PairReader(rules).refusal(names)) and not set(names) & TABLE_FIELDS:
                raise BrokenFileError(refusal)
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                yield batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).split("\n", maxsplit=1)[0].rstrip(".")
        raise BrokenFileError(f"The Parquet file cannot be read: {reason}.") from error


def _check_bounds(metadata: Any) -> None:
    for number in range(metadata.num_row_groups):
        if metadata.row_group(number).total_byte_size > MAX_ROW_GROUP_BYTES:
            raise BrokenFileError("A row group of it has more than 4 GiB; write it with smaller ones.")
