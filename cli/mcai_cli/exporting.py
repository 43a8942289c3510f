"""`mcai export`: the examples of a bank as JSON Lines, CSV or Parquet, domain by domain in order of creation.

The same bank gives the same bytes, and so does a bank into which they were imported. A file is written beside
its place and moved there when it is whole.
"""

import asyncio
import csv
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from mcai_cli.errors import CommandError
from mcai_cli.gateway_bank import one_line
from mcai_cli.reading.model import Row
from mcai_cli.reading.tables import EXPORTED_FIELDS
from mcai_cli.targets import bank_at

Write = Callable[[Sequence[Row]], None]
BY_ENDING = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


def export_bank(source: str, domains: Sequence[str], to: Path | None, kind: str | None) -> None:
    """Export the domains, or all of them; raises CommandError when it cannot be done."""
    kind = kind or (BY_ENDING.get(to.suffix.lower()) if to else "jsonl")
    if kind not in WRITERS:
        raise CommandError(f"Say with --format what to write: {', '.join(WRITERS)}.")
    if to is None and kind == "parquet":
        raise CommandError("Parquet is written to a file: name it with --to.")
    with ExitStack() as stack:
        file = stack.enter_context(_replaced(to)) if to else sys.stdout.buffer
        write = stack.enter_context(WRITERS[kind](file))
        rows = asyncio.run(_export(source, domains, write))
    sys.stderr.write(f"exported {rows:,} examples\n")


async def _export(source: str, domains: Sequence[str], write: Write) -> int:
    count = 0
    async with bank_at(source, existing=True) as bank:
        for domain in domains or [dataset.domain for dataset in await bank.datasets()]:
            async for rows in bank.export(domain):
                write(rows)
                count += len(rows)
    return count


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise CommandError(f"The file {path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _jsonl(file: IO[bytes]) -> Iterator[Write]:
    encoder = msgspec.json.Encoder()

    def write(rows: Sequence[Row]) -> None:
        file.write(
            encoder.encode_lines(
                [
                    {
                        "domain": row.domain,
                        "prompt": row.prompt,
                        "response": row.response,
                        "metadata": one_line(row.metadata_json),
                    }
                    for row in rows
                ]
            )
        )

    yield write


@contextmanager
def _csv(file: IO[bytes]) -> Iterator[Write]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(EXPORTED_FIELDS)
    yield lambda rows: writer.writerows(map(_cells, rows))
    text.detach()


@contextmanager
def _parquet(file: IO[bytes]) -> Iterator[Write]:
    try:
        import pyarrow as pa  # noqa: PLC0415  an optional extra
        import pyarrow.parquet as pq  # noqa: PLC0415  as above
    except ImportError:
        raise CommandError(
            "Parquet needs pyarrow, which is not installed: `uv sync --all-packages --extra parquet`."
        ) from None
    schema = pa.schema([(name, pa.string()) for name in EXPORTED_FIELDS])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def write(rows: Sequence[Row]) -> None:
            columns: list[Any] = list(zip(*map(_cells, rows), strict=True))
            writer.write_table(pa.table(dict(zip(EXPORTED_FIELDS, columns, strict=True)), schema))

        yield write


def _cells(row: Row) -> tuple[str, str, str, str]:
    return row.domain, row.prompt, row.response, row.metadata_json


WRITERS = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
