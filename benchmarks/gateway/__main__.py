"""Measure the gateway: `make bench-gateway`.

A cached answer is compared with a bare FastAPI POST echo of as many bytes, and with the same echo that
fetches them by one grpc.aio call. All run at the same time and are asked in turn, in rounds; a figure is the
median of its rounds. "Per core" is requests by CPU time of all processes that took part, the services among
them, so neither the load's own work nor what else runs on the machine counts.

    python -m benchmarks.gateway [--requests 100000] [--strict]
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import timeit
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import ROUNDS, Figure, percentile_ms, report
from benchmarks.gateway.load import Load, ask, first_byte_seconds, post
from benchmarks.gateway.processes import Server, echo, echo_with_hop, gateway
from servicekit import tracing
from servicekit.identifiers import EntropyPool

QUESTION = b'{"message": "what can you do?"}'
CACHED = [post("/api/chat", QUESTION)]
STREAMED = post("/api/chat", QUESTION, "accept: text/event-stream")
HOP = [post("/hop", QUESTION)]
REQUESTS = 5_000
CONNECTIONS = 16
MANY_CONNECTIONS = 64
STREAMS = 300
MAX_CONCURRENT = 64
FOUR_TIMES = 256
CURVE = (16, MAX_CONCURRENT, FOUR_TIMES, 1_024)
CURVE_REQUESTS = 4_000
TRACES = 100_000


@dataclass(slots=True)
class Rounds:
    """What one server showed, round by round."""

    server: Server
    requests: Sequence[bytes]
    cpu_us: list[float] = field(default_factory=list)
    took: list[list[float]] = field(default_factory=list)

    async def run(self) -> None:
        """One more round: the cost of a request, and the times with many connections."""
        before = self.server.cpu_seconds()
        await self._ask(CONNECTIONS)
        self.cpu_us.append(1e6 * (self.server.cpu_seconds() - before) / REQUESTS)
        self.took.append((await self._ask(MANY_CONNECTIONS)).took)

    async def _ask(self, connections: int) -> Load:
        load = await ask(self.server.port, self.requests, count=REQUESTS, connections=connections)
        if load.failed or load.refused:
            sys.exit(f"{load.failed} requests failed and {load.refused} were refused; nothing is measured.")
        return load

    @property
    def us(self) -> float:
        """CPU time of a request, in microseconds."""
        return statistics.median(self.cpu_us)


async def measure(requests: int, directory: Path) -> list[Figure]:
    """All figures."""
    async with gateway(directory, MCAI_MAX_CONCURRENT_REQUESTS="256") as ours:
        size = await _answer_bytes(ours)
        async with echo(size) as bare, echo_with_hop(size, directory) as hop:
            figures = await _compared(Rounds(ours, CACHED), Rounds(bare, CACHED), Rounds(hop, HOP))
        figures.append(await _first_byte(ours))
        figures.append(await _memory(ours, requests))
    async with gateway(directory, MCAI_MAX_CONCURRENT_REQUESTS=str(MAX_CONCURRENT)) as ours:
        figures.append(await _curve(ours))
    return figures


async def _compared(ours: Rounds, bare: Rounds, hop: Rounds) -> list[Figure]:
    await ask(ours.server.port, CACHED, count=REQUESTS, connections=CONNECTIONS)  # warm
    for _ in range(ROUNDS):
        for each in (ours, bare, hop):
            await each.run()
    for name, each in (("cached chat", ours), ("FastAPI echo", bare), ("echo with a grpc.aio hop", hop)):
        print(f"{name:56} {1e6 / each.us:10.0f} requests/s a core, {each.us:.0f} us each")
    late, bare_late = (percentile_ms(each.took, 99) for each in (ours, bare))
    name = f"p99 at {MANY_CONNECTIONS} connections, ours and the echo"
    print(f"{name:56} {late:10.2f} ms, {bare_late:.2f} ms")
    return [
        Figure("cached chat a core, times the echo", bare.us / ours.us, "x", 0.8, smaller=False),
        Figure("cached chat a core, times the echo with a hop", hop.us / ours.us, "x", 2.5, smaller=False),
        Figure(f"p99 at {MANY_CONNECTIONS} connections, times the echo's", late / bare_late, "x", 2.0),
        Figure("tracing that nobody records, of a cached chat", 100 * _trace_us() / ours.us, "%", 1.0),
    ]


def _trace_us() -> float:
    """What a request pays for its trace where no collector is set: its ids, and finding that out."""
    entropy = EntropyPool()

    def request() -> None:
        with tracing.span("http", None, entropy):
            tracing.describe("POST /api/chat", status=200)

    return 1e6 * min(timeit.repeat(request, number=TRACES, repeat=ROUNDS)) / TRACES


async def _answer_bytes(server: Server) -> int:
    load = await ask(server.port, CACHED, count=1, connections=1)
    return load.body_bytes


async def _first_byte(server: Server) -> Figure:
    took = [
        [await first_byte_seconds(server.port, STREAMED) for _ in range(STREAMS // ROUNDS)]
        for _ in range(ROUNDS)
    ]
    return Figure("first streamed byte of a cached answer, p99", percentile_ms(took, 99), "ms", 10.0)


async def _memory(server: Server, requests: int) -> Figure:
    tenth = requests // 10
    await ask(server.port, CACHED, count=tenth, connections=CONNECTIONS)
    before = server.memory_mb()
    await ask(server.port, CACHED, count=requests - tenth, connections=CONNECTIONS)
    return Figure(f"memory grown over {requests - tenth:,} requests", server.memory_mb() - before, "MB", 1.0)


async def _curve(server: Server) -> Figure:
    """Questions that nobody asked before, by more and more clients who never wait."""
    print(f"\nnew questions, {MAX_CONCURRENT} answered at a time, clients who ask again at once:")
    print(f"{'clients':>8} {'answered/s':>11} {'refused/s':>10} {'p50 ms':>8} {'p99 ms':>8}")
    late: dict[int, float] = {}
    for clients in CURVE:
        questions = [
            post("/api/chat", b'{"message": "what is number %d of %d?"}' % (number, clients))
            for number in range(CURVE_REQUESTS)
        ]
        load = await ask(server.port, questions, count=CURVE_REQUESTS, connections=clients)
        late[clients] = percentile_ms([load.took], 99)
        print(
            f"{clients:8} {len(load.took) / load.seconds:11.0f} {load.refused / load.seconds:10.0f} "
            f"{percentile_ms([load.took], 50):8.1f} {late[clients]:8.1f}"
        )
    print()
    return Figure(
        f"p99 of those answered, {FOUR_TIMES} clients, times that of {MAX_CONCURRENT}",
        late[FOUR_TIMES] / late[MAX_CONCURRENT],
        "x",
        2.0,
    )


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--strict", action="store_true")
    arguments = parser.parse_args()
    # A short path: that of a Unix socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="mcai-bg-") as directory:
        figures = asyncio.run(measure(arguments.requests, Path(directory)))
    sys.exit(report("gateway", figures, strict=arguments.strict))


if __name__ == "__main__":
    main()
