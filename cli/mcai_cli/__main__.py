"""The `mcai` command. `mcai --help` lists what it can do."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mcai_cli.errors import CommandError
from servicekit.errors import ConfigurationError

app = typer.Typer(
    name="mcai",
    help="MC AI: a self-hosted chat that answers from your own bank of examples.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[Path, typer.Option("--data-dir", help="Folder that holds everything; made if missing.")]


@app.command()
def run(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the gateway; 0 takes a free one and prints it.")
    ] = 8000,
    data_dir: DataDir = Path(".mcai"),
    host: Annotated[
        str, typer.Option(help="Address to listen on. Elsewhere than on loopback keys are asked for.")
    ] = "127.0.0.1",
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer HTTP requests; the services stay one.")
    ] = 1,
    log_level: Annotated[
        str, typer.Option(help="What is logged to standard error: debug, info, warning or error.")
    ] = "warning",
) -> None:
    """Start the whole system in one process and print its address. Ctrl-C stops it; nothing is lost.

    Needs neither Redis nor PostgreSQL nor Docker. The first start loads the starter bank.
    """
    from mcai_cli.running import run_system  # noqa: PLC0415  the services take their time to import

    run_system(host, port, data_dir, workers, log_level)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A .json, .jsonl, .ndjson or .txt file, or a folder of them.")],
    domain: Annotated[
        str | None, typer.Option(help="Domain of rows that name none; otherwise the folder's or file's name.")
    ] = None,
    to: Annotated[str, typer.Option(help="Address of a running gateway.")] = "http://127.0.0.1:8000",
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Write straight into this data directory instead; no system may run on it."),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Write every rejected row with its reason to this JSON Lines file.")
    ] = None,
) -> None:
    """Import prompt/response pairs into the bank. Running it again adds nothing twice.

    Reads prompt/response, prompt/completion, question/answer, query/response, instruction/output rows and
    message lists as JSON or JSON Lines, and Prompt:/Completion:, Q:/A: or User:/Assistant: blocks as text.
    A row's own domain and metadata are kept.
    """
    from mcai_cli.importing import import_path  # noqa: PLC0415  as above

    import_path(path, domain=domain, to=to, data_dir=data_dir, rejects=rejects)


def main() -> None:
    """Run the command line; a known fault is one sentence and an exit code of 1 or 2."""
    try:
        app()
    except CommandError as error:
        sys.exit(f"mcai: {error}")
    except ConfigurationError as error:
        sys.stderr.write(f"mcai: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
