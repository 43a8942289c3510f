"""The commands as typer knows them, made from `commands.json`, which `make docs` writes."""

import inspect
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from mcai_cli.remote.document import JSON
from mcai_cli.remote.model import Command, Given

FILE: Final = "commands.json"
_GROUPS: Final = {
    "conversations": "What people said.",
    "datasets": "Collections of examples: made, changed, imported, exported, archived.",
    "emotions": "The catalogue, and the feeling of a text.",
    "examples": "The prompts and responses of the bank.",
    "keys": "Who may do what; an administrator's.",
    "legacy": "Routes of older clients.",
    "openai": "The same as OpenAI's clients know it.",
    "system": "Health, figures, probes and the cache.",
    "tasks": "Pictures, music and cymatic patterns, made in the background.",
    "users": "All that is kept of a person.",
}
_TYPES: Final[dict[str, Any]] = {"integer": int, "number": float, "yes": bool, "texts": list[str]}
_BODY, _OUTPUT, _TO = "body", "output", "to"


def load() -> list[Command]:
    """Returns the commands of the routes that this version knows."""
    return msgspec.json.decode(files("mcai_cli.remote").joinpath(FILE).read_bytes(), type=list[Command])


def add_to(app: typer.Typer) -> None:
    """Adds a command for each route; a group of commands where there are several words."""
    groups: dict[str, typer.Typer] = {}
    for command in load():
        first, _, second = command.words.partition(" ")
        if not second:
            app.command(first, help=command.help)(_function(command))
            continue
        if first not in groups:
            groups[first] = typer.Typer(help=_GROUPS[first], no_args_is_help=True)
            app.add_typer(groups[first], name=first)
        groups[first].command(second, help=command.help)(_function(command))


def _function(command: Command) -> Callable[..., None]:
    """A function with the command's parameters as its own, which is what typer reads."""

    def run(**options: Any) -> None:
        from mcai_cli.remote.calls import call  # noqa: PLC0415  the HTTP client takes its time to import

        values = {each.name: options.get(_identifier(each.name)) for each in command.given}
        call(command, values, options.get(_BODY), options[_OUTPUT], options[_TO])

    parameters = _parameters(command)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # Python's own way to do it
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _parameters(command: Command) -> list[inspect.Parameter]:
    plain = _plain(command)
    ordered = sorted(command.given, key=lambda each: each.place != "path")
    found = [_parameter(each, plain) for each in ordered]
    if command.body:
        what = "The whole body as JSON" if command.body == JSON else "The rows as JSON lines"
        found.append(
            _optional(_BODY, Path, typer.Option(help=f"{what} from this file; - is standard input."))
        )
    found.append(_optional(_OUTPUT, Path, typer.Option(help="Write the answer into this file.")))
    where = "Address of the gateway; otherwise MCAI_URL, or http://127.0.0.1:8000."
    found.append(_optional(_TO, str, typer.Option(help=where)))
    return found


def _plain(command: Command) -> str:
    """The text that a body is about, if it is about one: `mcai ask "What is TCP?"`."""
    fields = [each for each in command.given if each.place == "body"]
    needed = [each for each in fields if each.required] or [each for each in fields if each.name == "message"]
    return needed[0].name if len(needed) == 1 and needed[0].kind == "text" else ""


def _parameter(given: Given, plain: str) -> inspect.Parameter:
    name, kind = _identifier(given.name), _TYPES.get(given.kind, str)
    if given.choices:
        kind = Literal[given.choices]
    shown = given.name.upper()
    if given.place == "path":
        return _required(name, kind, typer.Argument(metavar=shown, help=given.help))
    if given.name == plain:
        return _optional(name, kind, typer.Argument(metavar=shown, help="Or everything with --body."))
    option = f"--{given.name.lower().replace('_', '-')}"
    told = typer.Option(option, help=given.help or ("As JSON." if given.kind == "json" else ""))
    # What a body needs may come in --body too; the gateway says by name what is missing.
    if given.required and given.place != "body":
        return _required(name, kind, told)
    return _optional(name, kind, told)


def _required(name: str, kind: Any, told: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, told])


def _optional(name: str, kind: Any, told: Any) -> inspect.Parameter:
    annotation = Annotated[kind | None, told]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _identifier(name: str) -> str:
    """A name that no option of ours has."""
    return f"given_{name.lower().replace('-', '_')}"
