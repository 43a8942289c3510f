"""`mcai import`: read files, send their rows in one stream, show the progress, say what became of them."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import IO

import msgspec
from rich.console import Console

from mcai_cli.errors import BankAwayError, CommandError
from mcai_cli.ports import Bank, Report
from mcai_cli.progress import Show, shown_progress
from mcai_cli.reading.files import data_files, file_items
from mcai_cli.reading.model import Item, ReadingRules, Rejected, Skipped
from mcai_cli.settings import ClientSettings
from mcai_cli.targets import bank_at
from mcai_cli.transfer import Transfer

SHOWN_LINES = 20
"""Rejections, and places left out on purpose, that are printed."""


def import_path(path: Path, *, rules: ReadingRules, to: str | None, rejects: Path | None) -> None:
    """Run the import; raises CommandError when the bank cannot take it, or no row of it came in."""
    files = files_at(path)
    with ExitStack() as stack:
        reject_file = stack.enter_context(_writable(rejects)) if rejects else None
        job = ImportJob(files, path, rules, Console(stderr=True), reject_file)
        try:
            report = asyncio.run(job.run(bank_at(to or ClientSettings().url, starter=True)))
        finally:
            job.say_how_many_more()
    say(report, Console())
    if not report.added + report.duplicates:
        raise CommandError(
            "No row was imported: every one was rejected."
            if report.rejected
            else "No row was imported: none was found."
        )


def files_at(path: Path) -> list[Path]:
    """The files to read; raises CommandError if there are none."""
    try:
        files = data_files(path)
    except FileNotFoundError as error:
        raise CommandError(str(error)) from error
    if not files:
        raise CommandError(f"The folder {path} holds no file.")
    return files


def say(report: Report, console: Console) -> None:
    """Print what became of the rows."""
    console.print(
        f"read {report.read:,}   added {report.added:,}   "
        f"duplicates {report.duplicates:,}   rejected {report.rejected:,}",
        markup=False,
        highlight=False,
    )


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
        self._show: Show = _show_nothing
        self._position = 0
        self._rejected = 0
        self._skipped = 0

    async def run(self, banks: AbstractAsyncContextManager[Bank]) -> Report:
        """Send every row of every file; the report counts what was not even sent, too."""
        total = sum(file.stat().st_size for file in self._files)
        transfer = Transfer(self.items, self, uuid.uuid4().hex, clock=time.monotonic)
        with shown_progress(self._console, "importing", total, time.monotonic) as self._show:
            async with banks as bank:
                report = await transfer.run(bank)
        unsent = self._rejected
        for each in report.rejections:
            self.left_out(each)
        return Report(report.read + unsent, report.added, report.duplicates, report.rejected + unsent)

    def items(self) -> Iterator[Item]:
        """The items of all files, from the first one."""
        done = 0
        for file in self._files:

            def at(position: int, done: int = done) -> None:
                self._position = done + position

            yield from file_items(file, self._root, self._rules, at)
            done += file.stat().st_size
            self._position = done

    def left_out(self, item: Rejected | Skipped) -> None:
        """See Listener."""
        if isinstance(item, Skipped):
            self._skipped += 1
            if self._skipped <= SHOWN_LINES:
                self._say(f"skipped {item.origin}: {item.reason}")
            return
        self._rejected += 1
        if self._rejected <= SHOWN_LINES:
            self._say(f"rejected {item.origin}: {item.reason}")
        if self._reject_file is not None:
            self._reject_file.write(msgspec.json.encode(item) + b"\n")

    def sent(self, rows: int) -> None:
        """See Listener."""
        self._show(self._position, rows)

    def broke(self, error: BankAwayError) -> None:
        """See Listener."""
        self._say(f"{error} The import goes on from where it stands as soon as it answers.")

    def say_how_many_more(self) -> None:
        """Print how many lines were not printed."""
        if self._rejected > SHOWN_LINES:
            hint = "" if self._reject_file is not None else "; --rejects FILE writes them all"
            self._say(f"and {self._rejected - SHOWN_LINES:,} more rejected{hint}")
        if self._skipped > SHOWN_LINES:
            self._say(f"and {self._skipped - SHOWN_LINES:,} more skipped")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _show_nothing(_position: int, _rows: int) -> None:
    """Before the transfer begins there is nothing to show."""
