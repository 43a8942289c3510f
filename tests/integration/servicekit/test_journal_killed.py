"""A process that is killed while it writes to its journal loses nothing that it acknowledged."""

import asyncio
import signal
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from servicekit.journal import Entry, Journal, Replayer

# Acknowledges each id on stdout once the journal has taken it; eight writers keep the disk busy.
WRITER = """
import asyncio, sys
from pathlib import Path
from servicekit.journal import Journal

async def write(journal, worker):
    number = 0
    while True:
        entry_id = f"{worker}-{number:06}"
        await journal.append(entry_id, "message", entry_id.encode() * 20)
        sys.stdout.write(entry_id + "\\n")
        sys.stdout.flush()
        number += 1

async def main():
    async with Journal(Path(sys.argv[1])) as journal:
        await asyncio.gather(*(write(journal, worker) for worker in range(8)))

asyncio.run(main())
"""


async def killed_after(path: Path, acknowledgements: int) -> list[str]:
    """Runs a writer, kills it with SIGKILL after so many lines, and returns all that it acknowledged."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(acknowledgements)]
    process.send_signal(signal.SIGKILL)
    rest = await process.stdout.read()
    assert await process.wait() == -signal.SIGKILL
    complete = b"".join(lines) + rest[: rest.rfind(b"\n") + 1]
    return complete.decode().split()


async def test_nothing_acknowledged_is_lost_and_each_is_applied_once(tmp_path: Path) -> None:
    path = tmp_path / "messages.journal"
    acknowledged: set[str] = set()
    for acknowledgements in (1, 40, 160):
        acknowledged |= set(await killed_after(path, acknowledgements))
    applied: list[Entry] = []

    async def apply(entry: Entry) -> None:
        applied.append(entry)

    async with Journal(path) as journal:
        assert await Replayer(journal, apply, CollectorRegistry()).replay()
        assert journal.count == 0

    ids = [entry.entry_id for entry in applied]
    assert acknowledged <= set(ids)
    assert len(ids) == len(set(ids))
    assert all(entry.payload == entry.entry_id.encode() * 20 for entry in applied)
    assert [entry.sequence for entry in applied] == sorted(entry.sequence for entry in applied)
