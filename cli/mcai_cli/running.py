"""`mcai run`: the embedded system until somebody stops it."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mcai_cli.launcher import embedded_system
from servicekit import logs, spans
from servicekit.server import serve
from servicekit.settings import ServiceSettings, load


def run_system(host: str, port: int, data_dir: Path, workers: int, log_level: str) -> None:
    """Run until SIGTERM or SIGINT; exits 0 then, and 2 with one sentence when it cannot start."""
    logs.configure(log_level.upper(), "console")
    spans.configure(load(ServiceSettings).otlp_endpoint, "mcai")
    serve(_announced(host, port, data_dir, workers, log_level.upper()))


@asynccontextmanager
async def _announced(
    host: str, port: int, data_dir: Path, workers: int, log_level: str
) -> AsyncIterator[None]:
    async with embedded_system(host, port, data_dir, log_level, workers) as url:
        _say(f"MC AI is ready at {url}  (data in {data_dir}, Ctrl-C stops it)")
        yield
        _say("Stopping; what was written is safe.")


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
