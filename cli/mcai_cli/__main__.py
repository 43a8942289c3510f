"""The `mcai` command. `mcai --help` lists what it can do."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mcai_cli import cache
from mcai_cli.errors import CommandError
from servicekit import logs
from servicekit.errors import ConfigurationError

app = typer.Typer(
    name="mcai",
    help="MC AI: a self-hosted chat that answers from your own bank of examples.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(cache.group, name="cache")

Address = Annotated[
    str | None,
    typer.Option("--to", help="Address of the gateway; otherwise MCAI_URL, or http://127.0.0.1:8000."),
]
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
def import_(  # noqa: PLR0913, PLR0917  each is an option of the command line
    path: Annotated[Path, typer.Argument(help="A file, or a folder of files.")],
    domain: Annotated[
        str | None, typer.Option(help="Domain of rows that name none; otherwise the folder's or file's name.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="The bank: http://HOST:PORT of a gateway (or MCAI_URL; http://127.0.0.1:8000), "
            "grpc://HOST:PORT of a dataset-svc, postgresql://USER@HOST/DATABASE, or a data directory."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Write straight into this data directory instead; no system may run on it."),
    ] = None,
    include_private: Annotated[
        bool, typer.Option("--include-private", help="Import the memory rows of single users as well.")
    ] = False,
    prompt_field: Annotated[
        str | None, typer.Option(help="Field that holds the prompt, where it is not found by itself.")
    ] = None,
    response_field: Annotated[str | None, typer.Option(help="The same for the response.")] = None,
    unescape_newlines: Annotated[
        bool, typer.Option("--unescape-newlines", help=r"Read a literal \n in a text as a line break.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="Write every rejected row with its reason to this JSON Lines file.")
    ] = None,
) -> None:
    """Import prompt/response pairs into the bank. Running it again adds nothing twice.

    Reads JSON, JSON Lines, CSV, TSV, YAML, Parquet and text blocks (Prompt:/Completion:, Q:/A:,
    User:/Assistant:), also as .gz or .zst; what a file is, its content says. Rows may be prompt/response,
    question/answer(s), instruction/input/output, message lists and their kin. A row's own domain and metadata
    are kept. What cannot be imported is reported with its place and reason, and the rest is imported.
    """
    from mcai_cli.importing import import_path  # noqa: PLC0415  as above
    from mcai_cli.reading.model import ReadingRules  # noqa: PLC0415  as above

    rules = ReadingRules(domain, include_private, prompt_field, response_field, unescape_newlines)
    import_path(path, rules=rules, to=str(data_dir) if data_dir else to, rejects=rejects)


@app.command()
def migrate(
    source: Annotated[
        str,
        typer.Option(
            "--from", help="A folder of the old system, a data directory, or an address as of --to."
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            help="The bank: http://HOST:PORT, grpc://HOST:PORT, postgresql://USER@HOST/DATABASE, or a data "
            "directory on which no system runs."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and write nothing.")
    ] = False,
    include_private: Annotated[
        bool, typer.Option("--include-private", help="Migrate the rows of single users as well.")
    ] = False,
) -> None:
    """Bring the examples of an old system or of another bank into a bank, and verify that they are there.

    Prints for each domain how many rows are new and how many are there already, then migrates them, and at
    the end looks for each one in the target by the hash of its content. Running it again changes nothing.
    From a bank its datasets come with their rules; conversations, feedback, keys and archived examples stay.

    mcai migrate --from old/data --to http://127.0.0.1:8000 --dry-run

    mcai migrate --from .mcai --to postgresql://mcai@db/mcai
    """
    from mcai_cli.migrating import migrate as run_migration  # noqa: PLC0415  as above

    run_migration(source, to, dry_run=dry_run, include_private=include_private)


@app.command()
def export(
    domains: Annotated[list[str] | None, typer.Argument(help="Datasets; all of them unless named.")] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", help="The bank, as of `mcai import --to`; MCAI_URL or http://127.0.0.1:8000."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The file to write; without it JSON Lines go to standard output.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--format", help="jsonl, csv or parquet; otherwise what the file's name ends with."),
    ] = None,
) -> None:
    """Export examples as JSON Lines, CSV or Parquet: domain, prompt, response and metadata, to the letter.

    What is exported can be imported again, and gives the same bytes when it is exported then.

    mcai export --to bank.jsonl

    mcai export faq recipes --from .mcai --to faq.parquet
    """
    from mcai_cli.exporting import export_bank  # noqa: PLC0415  as above
    from mcai_cli.settings import ClientSettings  # noqa: PLC0415  as above

    export_bank(source or ClientSettings().url, domains or (), to, kind)


@app.command()
def doctor(to: Address = None, data_dir: DataDir = Path(".mcai")) -> None:
    """Look at an installation, running or broken, and say what is wrong and what to do.

    Looks at this machine, at the data directory, and at the system through its gateway: does it answer, what
    does it do without, is a question answered? Ends with 1 if something is wrong. MCAI_KEY may show a key.
    """
    from mcai_cli.doctor.examination import examine  # noqa: PLC0415  as above

    examine(to, data_dir)


@app.command()
def top(
    to: Address = None,
    interval: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
) -> None:
    """Show the replicas, rates and queues of a running system, live. Ctrl-C ends it."""
    from mcai_cli.top import watch  # noqa: PLC0415  as above

    watch(to, interval, once=once)


@app.command("logs")
def logs_(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files; otherwise standard input.")] = None,
    level: Annotated[
        str, typer.Option(help="The least that is shown: debug, info, warning, error or critical.")
    ] = "info",
    service: Annotated[str | None, typer.Option(help="Only this service's, such as dataset-svc.")] = None,
    request_id: Annotated[
        str | None, typer.Option(help="Only those of one request; its answer has it as x-request-id.")
    ] = None,
) -> None:
    """Print the services' JSON logs for people.

    docker compose logs --follow | mcai logs --level warning
    """
    from mcai_cli.log_lines import show_logs  # noqa: PLC0415  as above

    show_logs(paths or (), level, service, request_id)


def main() -> None:
    """Run the command line; a known fault is one sentence and an exit code of 1 or 2."""
    from mcai_cli.remote.command_line import add_to  # noqa: PLC0415  as above

    add_to(app)
    logs.configure("WARNING", "console")
    try:
        app()
    except CommandError as error:
        sys.exit(f"mcai: {error}")
    except ConfigurationError as error:
        sys.stderr.write(f"mcai: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
