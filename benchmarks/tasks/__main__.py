"""Measure the tasks: `make bench-tasks`.

Heavy work beside requests: a system in processes of its own is asked for answers that nobody asked before
and for more tasks, first with nothing else to do, then with heavy tasks running, then again with nothing
else; the two quiet phases count as one. Tasks through the queue: our worker with a generator that makes
nothing, and a bare Celery worker whose task does nothing, on the same broker, in turn. And the time of each
generator.

    python -m benchmarks.tasks [--tasks 300] [--strict]
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, report
from benchmarks.tasks.beside import measure_beside
from benchmarks.tasks.makers import print_times
from benchmarks.tasks.throughput import measure_throughput


async def measure(tasks: int, directory: Path) -> list[Figure]:
    """All figures that have a goal."""
    figures = await measure_beside(directory)
    return [*figures, await measure_throughput(directory, tasks)]


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=300, help="tasks of a round through the queue")
    parser.add_argument("--strict", action="store_true")
    arguments = parser.parse_args()
    # A short path: that of a Unix socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="mcai-bt-") as directory:
        print_times(Path(directory))
        figures = asyncio.run(measure(arguments.tasks, Path(directory)))
    sys.exit(report("tasks", figures, strict=arguments.strict))


if __name__ == "__main__":
    main()
