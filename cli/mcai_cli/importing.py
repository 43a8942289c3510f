"""`mcai import`: read files, send their rows in batches, show the progress, say what became of them."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import IO

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from mcai_cli.errors import CommandError
from mcai_cli.reading.files import data_files, file_items
from mcai_cli.reading.model import Item, ReadingRules, Rejected, Row, Skipped
from mcai_cli.sinks import Report, Sink, gateway_sink
from servicekit.errors import ServiceError

BATCH_ROWS = 1_000
BATCH_CHARACTERS = 4_000_000
"""A batch ends at either bound, so that a message stays far below the services' 16 MB."""
SHOWN_REJECTIONS = 20


def import_path(
    path: Path, *, rules: ReadingRules, to: str, data_dir: Path | None, rejects: Path | None
) -> None:
    """Run the import; raises CommandError when nothing can be read or the rows cannot be stored."""
    try:
        files = data_files(path)
    except FileNotFoundError as error:
        raise CommandError(str(error)) from error
    if not files:
        raise CommandError(f"The folder {path} holds no file.")
    with ExitStack() as stack:
        reject_file = stack.enter_context(_writable(rejects)) if rejects else None
        job = ImportJob(files, path, rules, Console(stderr=True), reject_file)
        try:
            asyncio.run(job.run(_sink(to, data_dir)))
        except ServiceError as error:
            raise CommandError(f"The bank refused the rows: {error}") from error
        finally:
            job.summarise(Console())


def _sink(to: str, data_dir: Path | None) -> AbstractAsyncContextManager[Sink]:
    if data_dir is None:
        return gateway_sink(to)
    from mcai_cli.bank_sink import bank_sink  # noqa: PLC0415  the bank takes its time to import

    return bank_sink(data_dir)


def _writable(path: Path) -> IO[bytes]:
    try:
        return path.open("wb")
    except OSError as error:
        raise CommandError(
            f"The file {path} for rejected rows cannot be written: {error.strerror}."
        ) from error


class ImportJob:
    """One import: its files, where it stands, and what became of the rows so far."""

    def __init__(
        self,
        files: list[Path],
        root: Path,
        rules: ReadingRules,
        console: Console,
        reject_file: IO[bytes] | None,
    ) -> None:
        self._files = files
        self._root = root
        self._rules = rules
        self._console = console
        self._reject_file = reject_file
        self._report = Report()
        self._shown = 0
        self._skipped = 0

    async def run(self, sink_manager: AbstractAsyncContextManager[Sink]) -> None:
        """Send every row of every file."""
        columns = (
            TextColumn("importing"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TextColumn("{task.fields[rows]:,} rows"),
            TimeRemainingColumn(),
        )
        done = 0
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("", total=sum(file.stat().st_size for file in self._files), rows=0)

            def at(position: int) -> None:
                progress.update(task, completed=done + position, rows=self._report.read)

            async with sink_manager as sink:
                for file in self._files:
                    for rows, rejected, skipped in _batches(file_items(file, self._root, self._rules, at)):
                        self._say_skipped(skipped)
                        self._add(Report(len(rejected), rejected=len(rejected), rejections=rejected))
                        if rows:
                            self._add(await sink.send(rows))
                    done += file.stat().st_size
                    at(0)

    def _say_skipped(self, skipped: list[Skipped]) -> None:
        for each in skipped:
            if self._skipped < SHOWN_REJECTIONS:
                self._console.print(f"skipped {each.origin}: {each.reason}", markup=False, soft_wrap=True)
            self._skipped += 1

    def _add(self, report: Report) -> None:
        for rejection in report.rejections:
            if self._shown < SHOWN_REJECTIONS:
                self._console.print(
                    f"rejected {rejection.origin}: {rejection.reason}", markup=False, soft_wrap=True
                )
            self._shown += 1
            if self._reject_file is not None:
                self._reject_file.write(msgspec.json.encode(rejection) + b"\n")
        # The rejections have been shown and written: only their number is kept, whatever the file's size.
        report.rejections = []
        self._report.merge(report)

    def summarise(self, console: Console) -> None:
        """Print the counts."""
        if self._shown > SHOWN_REJECTIONS:
            more = self._shown - SHOWN_REJECTIONS
            hint = "" if self._reject_file is not None else "; --rejects FILE writes them all"
            self._console.print(f"and {more:,} more rejected{hint}", markup=False)
        if self._skipped > SHOWN_REJECTIONS:
            console.print(f"and {self._skipped - SHOWN_REJECTIONS:,} more skipped", markup=False)
        report = self._report
        console.print(
            f"read {report.read:,}   added {report.added:,}   "
            f"duplicates {report.duplicates:,}   rejected {report.rejected:,}",
            markup=False,
            highlight=False,
        )


def _batches(items: Iterator[Item]) -> Iterator[tuple[list[Row], list[Rejected], list[Skipped]]]:
    rows: list[Row] = []
    rejected: list[Rejected] = []
    skipped: list[Skipped] = []
    characters = 0
    for item in items:
        if isinstance(item, Row):
            rows.append(item)
            characters += len(item.prompt) + len(item.response) + len(item.metadata_json)
        elif isinstance(item, Rejected):
            rejected.append(item)
        else:
            skipped.append(item)
        if len(rows) + len(rejected) + len(skipped) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield rows, rejected, skipped
            rows, rejected, skipped, characters = [], [], [], 0
    if rows or rejected or skipped:
        yield rows, rejected, skipped
