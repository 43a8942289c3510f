"""Answers as the house really stores them: a bank is filled and asked, and its cache is read."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gateway.load import ask, post
from benchmarks.gateway.processes import gateway
from knowledge_svc.model import Entry, Key
from knowledge_svc.sqlite_tier import SqliteTier

CONNECTIONS = 4


async def stored_answers(
    directory: Path, rows: Sequence[tuple[str, str]] | None, questions: Sequence[str]
) -> list[tuple[Key, Entry]]:
    """Returns what is stored when the questions were asked of a bank of these rows or the starter bank."""
    async with gateway(directory) as server:
        if rows is not None:
            await _import(rows, directory, server.port)
        requests = [post("/api/chat", json.dumps({"message": each}).encode()) for each in questions]
        load = await ask(server.port, requests, count=len(requests), connections=CONNECTIONS)
        if load.failed or load.refused:
            sys.exit(f"{load.failed} questions failed and {load.refused} were refused; nothing is measured.")
    tier = SqliteTier(_cache_file(directory), 2**30, lambda: 0.0)
    try:
        return await tier.recent(len(questions))
    finally:
        await tier.close()


def _cache_file(directory: Path) -> Path:
    (file,) = directory.rglob("cache.sqlite")
    return file


def _pairs_file(rows: Sequence[tuple[str, str]], directory: Path) -> Path:
    file = directory / "pairs.jsonl"
    file.write_text("".join(json.dumps({"prompt": p, "response": r}) + "\n" for p, r in rows))
    return file


async def _import(rows: Sequence[tuple[str, str]], directory: Path, port: int) -> None:
    file = _pairs_file(rows, directory)
    arguments = ("-m", "mcai_cli", "import", str(file), "--to", f"http://127.0.0.1:{port}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env={"PATH": os.defpath}, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        sys.exit("The bank could not be filled; nothing is measured.")
