"""`mcai logs`: the services' JSON lines for people.

`docker compose logs --follow | mcai logs --level warning`; what is no JSON is shown as it is.
"""

import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.text import Text

from mcai_cli.errors import CommandError

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_STYLES: Final = {"debug": "dim", "warning": "yellow", "error": "bold red", "critical": "bold red"}
_HEAD: Final = frozenset({"timestamp", "level", "event", "service", "exception"})
_PLAIN_LEVEL: Final = "info"


def show_logs(paths: Iterable[Path], least: str, service: str | None, request_id: str | None) -> None:
    """Print the lines of the files, or of standard input, that are wanted; raises CommandError."""
    if least not in LEVELS:
        raise CommandError(f"There is no level {least}: it is one of {', '.join(LEVELS)}.")
    console = Console(soft_wrap=True, highlight=False)
    with ExitStack() as stack:
        for file in [stack.enter_context(_opened(path)) for path in paths] or [sys.stdin]:
            for line in file:
                if (text := rendered(line.rstrip("\n"), least, service, request_id)) is not None:
                    console.print(text)


def rendered(line: str, least: str, service: str | None, request_id: str | None) -> Text | None:
    """A line for people, with the container's name that Compose puts before it; None if it is not wanted."""
    prefix, entry = _parsed(line)
    if entry is None:
        # Words without a level, such as a server's banner, have no request and no service.
        wanted = bool(line) and least in {"debug", _PLAIN_LEVEL} and service is None and request_id is None
        return Text(line) if wanted else None
    level = str(entry.get("level", _PLAIN_LEVEL))
    name = str(entry.get("service") or prefix.partition("|")[0].strip())
    if level in LEVELS and LEVELS.index(level) < LEVELS.index(least):
        return None
    # Compose numbers the containers of a service: gateway-1.
    if service is not None and name.rstrip("0123456789").removesuffix("-") != service:
        return None
    if request_id is not None and entry.get("request_id") != request_id:
        return None
    rest = "  ".join(f"{key}={_value(value)}" for key, value in entry.items() if key not in _HEAD)
    text = Text.assemble(
        (_clock(entry.get("timestamp")), "dim"),
        f" {level:8}",
        (f"{name:16} " if name else "", "cyan"),
        str(entry.get("event", "")),
        (f"  {rest}" if rest else "", "dim"),
        f"\n{entry['exception']}" if entry.get("exception") else "",
        style=_STYLES.get(level, ""),
    )
    text.rstrip()
    return text


def _parsed(line: str) -> tuple[str, Mapping[str, Any] | None]:
    start = line.find("{")
    if start >= 0:
        try:
            entry = msgspec.json.decode(line[start:])
        except (msgspec.DecodeError, RecursionError):
            return "", None
        if isinstance(entry, dict) and "event" in entry:
            return line[:start], entry
    return "", None


def _clock(stamp: object) -> str:
    try:
        moment = datetime.fromisoformat(str(stamp))
    except ValueError:
        return str(stamp or "")
    return moment.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _opened(path: Path) -> Any:
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise CommandError(f"The file {path} cannot be read: {error.strerror}.") from error
