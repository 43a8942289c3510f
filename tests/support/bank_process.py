"""`python -m tests.support.bank_process URL DIRECTORY`: the bank's store in a process that a test may kill.

It opens the store, which replays what the journal in DIRECTORY holds, prints "open", and goes on until it
is told to stop by the end of its standard input.
"""

import asyncio
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from dataset_svc.settings import DatasetSettings
from dataset_svc.stores import open_store
from servicekit.settings import load
from tests.support.local_index import local_index


async def run(url: str, directory: Path) -> None:
    settings = load(DatasetSettings, data_dir=directory, database_url=url)
    async with (
        local_index(directory / "index") as index,
        open_store(settings, CollectorRegistry(), index),
    ):
        print("open", flush=True)  # noqa: T201 - how it speaks to the test
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2])))
