"""OpenAI's client for Node, installed from its lock file once a test session."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.requirements import require

SOURCES = Path(__file__).parent / "node"
OLDEST_NODE = 20


@pytest.fixture(scope="session")
def node_sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the session's script, with the client beside it."""
    if (reason := _missing()) is not None:
        require("node", reason)
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "session.mjs"):
        shutil.copy(SOURCES / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],  # noqa: S607 - the path's npm
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        require("node", f"npm ci says: {done.stderr.strip()[-300:]}")
    return folder


async def session(folder: Path, base_url: str, key: str) -> dict[str, Any]:
    """Runs the script and returns what it saw."""
    running = await asyncio.create_subprocess_exec(
        "node",
        "session.mjs",
        base_url,
        key,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, errors = await running.communicate()
    assert running.returncode == 0, errors.decode()
    seen: dict[str, Any] = json.loads(printed)
    return seen


def _missing() -> str | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed"
    version = subprocess.run(
        ["node", "--version"],  # noqa: S607 - the path's node
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        return f"node {version} is older than {OLDEST_NODE}, which OpenAI's client needs"
    return None
