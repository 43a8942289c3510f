"""Which bank an address means.

http://host:8000, https://...      a running gateway
grpc://host:50051                  a running dataset-svc
postgresql://user@host/database    the database of a bank
a path                             a data directory that no system runs on
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from mcai_cli.errors import CommandError
from mcai_cli.ports import Bank
from mcai_cli.settings import ClientSettings

BANK_FILE = Path("dataset/bank.db")
SQLITE_MAGIC = b"SQLite format 3\0"


def is_address(target: str) -> bool:
    """Whether a target is the address of a bank, and no path."""
    return "://" in target


def data_directory(path: Path) -> Path | None:
    """The data directory that a path means, by itself or by its bank.db; None if it is none."""
    if (path / BANK_FILE).is_file():
        return path
    if not (path.is_file() and _is_sqlite(path)):
        return None
    path = path.absolute()
    if path.parts[-2:] == BANK_FILE.parts:
        return path.parent.parent
    raise CommandError(
        f"{path} is an SQLite database that stands alone: put it as dataset/bank.db into a folder of its "
        "own, and name that folder."
    )


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def bank_at(
    target: str, *, starter: bool = False, existing: bool = False
) -> AbstractAsyncContextManager[Bank]:
    """The bank at an address.

    Args:
        target: See the module's docstring.
        starter: Whether a data directory that was never used gets the starter bank.
        existing: Whether a data directory must hold a bank already.
    """
    scheme, separator, rest = target.partition("://")
    if separator and scheme in {"http", "https"}:
        from mcai_cli.gateway_bank import gateway_bank  # noqa: PLC0415  each takes its time to import

        return gateway_bank(target, ClientSettings().headers())
    from mcai_cli import service_bank  # noqa: PLC0415  as above

    if separator and scheme == "grpc":
        return service_bank.service_bank(rest, ClientSettings().service_token)
    if separator and scheme in {"postgresql", "postgres"}:
        return service_bank.database_bank(target)
    if separator:
        raise CommandError(
            f"No bank can be reached by {scheme}://: name http://HOST:PORT, grpc://HOST:PORT, "
            "postgresql://USER@HOST/DATABASE or a data directory."
        )
    path = Path(target)
    directory = data_directory(path)
    if existing and directory is None:
        raise CommandError(f"{path} is no data directory with a bank: it holds no {BANK_FILE}.")
    return service_bank.directory_bank(directory or path, starter=starter)


@asynccontextmanager
async def untouched_bank_at(target: str) -> AsyncIterator[Bank | None]:
    """The bank at an address for a dry run; None where there is none yet, since opening it would make it."""
    if not is_address(target):
        if data_directory(Path(target)) is None:
            yield None
            return
    elif target.startswith(("postgresql:", "postgres:")):
        from mcai_cli.postgres_probe import holds_bank  # noqa: PLC0415  as above

        if not await holds_bank(target):
            yield None
            return
    async with bank_at(target) as bank:
        yield bank
