"""A worker: one process of a gateway that has several. Its parent starts it; see workers.py."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from gateway.__main__ import Serving, serving
from gateway.settings import GatewaySettings
from gateway.workers import Counted, Order, Ready, Said, Tired
from servicekit import logs, spans
from servicekit.background import in_background
from servicekit.claims import claimed_directory
from servicekit.server import serve
from servicekit.settings import load

COUNT_SECONDS: Final = 1.0


@asynccontextmanager
async def working(order: Order) -> AsyncIterator[None]:
    """Serves on the parent's socket until the parent says so, or is gone."""
    settings = load(GatewaySettings, **order.settings)
    registry = CollectorRegistry()
    with claimed_directory(settings.data_dir) as directory:
        async with AsyncExitStack() as stack:
            # The last word, when all requests have ended.
            stack.callback(lambda: _say(Counted(generate_latest(registry).decode(), [])))
            front = await stack.enter_async_context(
                serving(
                    settings.model_copy(update={"data_dir": directory}),
                    registry,
                    bound=socket.socket(fileno=order.descriptor),
                    shared_dir=Path(order.shared_dir),
                )
            )
            _say(Ready())
            await stack.enter_async_context(
                in_background("count", lambda: _count(front, registry, order.recycle_after))
            )
            await stack.enter_async_context(in_background("parent", _until_the_parent_ends))
            yield


async def _count(front: Serving, registry: CollectorRegistry, recycle_after: int) -> None:
    tired = False
    while True:
        _say(Counted(generate_latest(registry).decode(), sorted(front.degraded())))
        enough = recycle_after and front.totals.requests >= recycle_after
        # What waits in the journal is this process's to deliver.
        if enough and not tired and front.waiting() == 0:
            tired = True
            _say(Tired())
        await asyncio.sleep(COUNT_SECONDS)


async def _until_the_parent_ends() -> None:
    """The parent writes one line; after it, the only thing to be read is the end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()


def _say(said: Said) -> None:
    os.write(sys.stdout.fileno(), msgspec.json.encode(said) + b"\n")


def main() -> None:
    """Reads what to do and does it."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    logs.configure(order.settings["log_level"], order.settings["log_format"])
    spans.configure(order.settings["otlp_endpoint"], "gateway")
    serve(lambda: working(order))


if __name__ == "__main__":
    main()
