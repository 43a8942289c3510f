"""The doctor's round: what is looked at, in which order, and how it is told."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import httpx2
from rich.console import Console
from rich.text import Text

from mcai_cli.doctor import directory, installation, system
from mcai_cli.doctor.model import Finding, Grade
from mcai_cli.errors import CommandError
from mcai_cli.settings import ClientSettings

_STYLES: Final = {Grade.GOOD: "green", Grade.NOTE: "yellow", Grade.WRONG: "bold red"}


def examine(to: str | None, data_dir: Path) -> None:
    """Look at everything and tell it; raises CommandError when something is wrong."""
    wrong = told(findings(to or ClientSettings().url, data_dir), Console(soft_wrap=True))
    if wrong:
        raise CommandError(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong.")


def findings(url: str, data_dir: Path) -> Iterator[Finding]:
    """All findings, as they are made."""
    yield from installation.look()
    yield from directory.look(data_dir)
    headers = ClientSettings().headers()
    with httpx2.Client(base_url=url, headers=headers, timeout=system.TIMEOUT_SECONDS) as client:
        yield from system.look(client)


def told(found: Iterable[Finding], console: Console) -> int:
    """Print the findings; returns how many are wrong."""
    wrong = 0
    for each in found:
        wrong += each.grade is Grade.WRONG
        console.print(Text(f"{each.grade.value:6}", _STYLES[each.grade]), Text(each.sentence))
        if each.remedy:
            console.print(Text(f"       {each.remedy}"))
    return wrong
