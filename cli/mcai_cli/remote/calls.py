"""One call of a running gateway: what is sent, and what is written of the answer."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2

from mcai_cli.errors import CommandError
from mcai_cli.remote.document import EVENTS, JSON
from mcai_cli.remote.model import Command
from mcai_cli.settings import ClientSettings

TIMEOUT_SECONDS: Final = 60.0
_PIECE_BYTES: Final = 65_536
_REFUSED: Final = 400


def call(
    command: Command, values: Mapping[str, Any], body: Path | None, output: Path | None, to: str | None
) -> None:
    """Makes the call and writes the answer; raises CommandError with the gateway's own sentence."""
    settings = ClientSettings()
    headers = {
        each.name: str(values[each.name])
        for each in command.given
        if each.place == "header" and values.get(each.name)
    }
    headers |= settings.headers()
    if command.streams:
        headers["accept"] = EVENTS
    content = _content(command, values, body)
    if content is not None:
        headers["content-type"] = command.body
    url = to or settings.url
    try:
        # A stream or an import is silent for as long as it likes.
        with httpx2.Client(base_url=url, timeout=httpx2.Timeout(TIMEOUT_SECONDS, read=None)) as client:
            address, query = _address(command, values), _query(command, values)
            with client.stream(
                command.method, address, params=query, headers=headers, content=content
            ) as response:
                _write(response, output)
    except httpx2.ConnectError as error:
        raise CommandError(
            f"No gateway answers at {url}: start one with `make run`, or name another with --to."
        ) from error
    except httpx2.HTTPError as error:
        raise CommandError(f"The gateway broke off ({type(error).__name__}).") from error


def _address(command: Command, values: Mapping[str, Any]) -> str:
    address = command.path
    for each in command.given:
        if each.place == "path":
            address = address.replace(f"{{{each.name}}}", quote(str(values[each.name]), safe=""))
    return address


def _query(command: Command, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        each.name: list(values[each.name]) if each.kind == "texts" else values[each.name]
        for each in command.given
        if each.place == "query" and values.get(each.name) not in (None, ())
    }


def _content(
    command: Command, values: Mapping[str, Any], body: Path | None
) -> bytes | Iterator[bytes] | None:
    if not command.body:
        return None
    if command.body != JSON:
        return _pieces(body)
    if body is not None:
        return b"".join(_pieces(body))
    fields: dict[str, Any] = {}
    for each in command.given:
        value = values.get(each.name)
        if each.place == "body" and value not in (None, ()):
            fields[each.name] = _parsed(each.name, value) if each.kind == "json" else value
    return json.dumps(fields).encode() if fields or any(each.required for each in command.given) else None


def _parsed(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise CommandError(f"--{name.replace('_', '-')} is not JSON: {error}.") from error


def _pieces(path: Path | None) -> Iterator[bytes]:
    """The file's bytes, those of standard input for none."""
    if path is None or str(path) == "-":
        yield from iter(lambda: sys.stdin.buffer.read(_PIECE_BYTES), b"")
        return
    try:
        with path.open("rb") as file:
            yield from iter(lambda: file.read(_PIECE_BYTES), b"")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _write(response: httpx2.Response, output: Path | None) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0]
    if response.status_code >= _REFUSED:
        raise CommandError(_reason(response))
    if output is not None:
        with output.open("wb") as file:
            for piece in response.iter_bytes():
                file.write(piece)
        return
    if kind == JSON:
        indent = 2 if sys.stdout.isatty() else None
        sys.stdout.write(json.dumps(json.loads(response.read()), ensure_ascii=False, indent=indent) + "\n")
        return
    if sys.stdout.isatty() and not (kind.startswith("text/") or "json" in kind):
        raise CommandError(f"The answer is {kind}: name a file for it with --output.")
    for piece in response.iter_bytes():
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def _reason(response: httpx2.Response) -> str:
    try:
        problem = json.loads(response.read())
    except ValueError:
        return f"The gateway answered {response.status_code}."
    error = problem.get("error")
    detail = problem.get("detail") or (error.get("message") if isinstance(error, dict) else error)
    return f"{detail or problem} ({response.status_code})"
