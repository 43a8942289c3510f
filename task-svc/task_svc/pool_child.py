"""A process of the local pool: reads jobs from stdin, works on them one at a time, tells of them on stdout.

One line of JSON is one message. In:  {"kind", "parameters", "directory"}
                                Out: {"percent", "stage"} any number of times, then one of
                                     {"files": [[name, media type, path], ...], "result": {...}}
                                     {"error": "..."}

The end of stdin ends the process, also in the middle of a job: when the service is killed, its children do
not live on.
"""

import contextlib
import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import IO, Any

from task_svc.generators import make
from task_svc.model import TaskKind


def main() -> None:
    """Work until stdin ends."""
    # Whatever a library prints goes to stderr; stdout belongs to the messages.
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        while True:
            _send(output, _work(json.loads(jobs.get()), output))


def _read(jobs: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


def _work(job: dict[str, Any], output: IO[str]) -> dict[str, Any]:
    def progress(percent: float, stage: str) -> None:
        _send(output, {"percent": percent, "stage": stage})

    try:
        product = make(TaskKind(job["kind"]), job["parameters"], Path(job["directory"]), progress)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a generator raises is told to the service
        return {"error": f"{type(error).__name__}: {error}"}
    files = [[made.name, made.media_type, str(made.path)] for made in product.files]
    return {"files": files, "result": product.result}


def _send(output: IO[str], message: dict[str, Any]) -> None:
    output.write(json.dumps(message) + "\n")
    output.flush()


if __name__ == "__main__":
    main()
