"""What is measured of a dataset-svc with PostgreSQL: import, pages, memory, and a second replica."""

import asyncio
import re
import statistics
import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.figures import say
from mcai.dataset.v1 import bank_pb2
from tests.support.bank_chaos import BankHouse, KillableReplica
from tests.support.waiting import eventually

_HOUR: Final = 3_600.0
PAGES: Final = 10_000
_TIMED_PAGES: Final = 100


@dataclass(frozen=True, slots=True)
class Imported:
    """Seconds of an import: until its rows are committed, and until a search finds them."""

    committed_seconds: float
    searchable_seconds: float


async def measure_import(house: BankHouse, file: Path) -> Imported:
    """Import a JSON Lines file as a person does, by the command line, into an empty bank."""
    [replica] = house.replicas
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mcai_cli", "import", str(file), "--to", f"grpc://{replica.address}",
        "--domain", "bench",
    )  # fmt: skip
    if await process.wait() != 0:
        raise RuntimeError("The import failed; its own words are above.")
    committed = time.perf_counter() - started
    await eventually(replica.settled, _HOUR)
    return Imported(committed, time.perf_counter() - started)


async def measure_pages(replica: KillableReplica, rows: int) -> tuple[float, float]:
    """Seconds of a page at the beginning and of one at the end, having turned all pages between."""
    seconds: list[float] = []
    token = ""
    for number in count(1):
        request = bank_pb2.ListExamplesRequest(domain="bench", page_size=rows // PAGES, page_token=token)
        started = time.perf_counter()
        page = await replica.stub.ListExamples(request)
        seconds.append(time.perf_counter() - started)
        token = page.next_page_token
        if not token:
            break
        if number % 2_000 == 0:
            say(f"{number:,} pages turned")
    # The last page may be a short one.
    return statistics.median(seconds[:_TIMED_PAGES]), statistics.median(seconds[-_TIMED_PAGES - 1 : -1])


async def measure_catch_up(house: BankHouse) -> float:
    """Seconds from the start of a new replica until its index has all of the bank."""
    replica = await house.add_replica()
    started = time.perf_counter()
    await replica.process.start()
    await eventually(replica.settled, _HOUR)
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of a process: its proportional set size, and what of it is no page of a mapped file."""

    pss: float
    own: float


def memory_of(replica: KillableReplica) -> Memory:
    """What a replica takes; it is one process. The index's pages are mapped, and the kernel may drop them."""
    rollup = Path(f"/proc/{replica.process.pid}/smaps_rollup").read_text()
    kilobytes = dict(re.findall(r"^(Pss|Pss_Anon): +(\d+) kB$", rollup, re.MULTILINE))
    return Memory(int(kilobytes["Pss"]) / 1024, int(kilobytes["Pss_Anon"]) / 1024)


def size_bytes(directory: Path) -> int:
    """What the files below a directory take."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
