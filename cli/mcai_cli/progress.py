"""How far a command has come: a bar in a terminal, and elsewhere a plain line now and then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

PLAIN_SECONDS: Final = 5.0
"""Time between two plain lines."""

Show = Callable[[int, int], None]
"""Is told the position in the source, in bytes, and the rows so far."""

Count = Callable[[int], None]
"""Is told the rows so far."""


@contextmanager
def shown_progress(
    console: Console, what: str, total_bytes: int, clock: Callable[[], float]
) -> Iterator[Show]:
    """Shows how far `what`, such as "importing", has come."""
    if not console.is_terminal:
        yield _plain(console, what, total_bytes, clock)
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total_bytes, rows=0)
        yield lambda position, rows: progress.update(task, completed=position, rows=rows)


def _plain(console: Console, what: str, total_bytes: int, clock: Callable[[], float]) -> Show:
    told_at = clock()

    def show(position: int, rows: int) -> None:
        nonlocal told_at
        if clock() - told_at >= PLAIN_SECONDS:
            told_at = clock()
            share = f"{position / total_bytes:.0%} read" if total_bytes else "nothing to read"
            console.print(f"{what}: {rows:,} rows, {share}", markup=False, highlight=False)

    return show


@contextmanager
def shown_count(
    console: Console, what: str, total_rows: int | None, clock: Callable[[], float]
) -> Iterator[Count]:
    """Shows how many rows `what`, such as "migrating", has come to; None where nobody knows of how many."""
    if not console.is_terminal:
        yield _plain_count(console, what, total_rows, clock)
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total_rows)
        yield lambda rows: progress.update(task, completed=rows)


def _plain_count(console: Console, what: str, total_rows: int | None, clock: Callable[[], float]) -> Count:
    told_at = clock()
    of_all = "" if total_rows is None else f" of {total_rows:,}"

    def show(rows: int) -> None:
        nonlocal told_at
        if clock() - told_at >= PLAIN_SECONDS:
            told_at = clock()
            console.print(f"{what}: {rows:,}{of_all} rows", markup=False, highlight=False)

    return show
