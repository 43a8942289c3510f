"""A TCP proxy that breaks on command, so that a test meets a real server behind a real fault."""

import asyncio
import contextlib
import enum
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536
_NONSENSE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"


class Fault(enum.Enum):
    """What the proxy does to connections, those that are open already included."""

    PASS = "pass"
    """Bytes go through."""
    REFUSE = "refuse"
    """Open connections are reset, new ones refused, as when the server's process is gone."""
    HANG = "hang"
    """A black hole: connections are accepted and stay open, no byte goes through."""
    LATENCY = "latency"
    """Each piece of data waits `latency_seconds` before it goes through, in both directions."""
    CUT = "cut"
    """Half of each reply goes through, then the connection is reset."""
    NONSENSE = "nonsense"
    """Each reply is replaced by one of another protocol."""


class FaultyProxy:
    """Listens on a port of its own on loopback and forwards to `target`.

    Use it as an async context manager. `target` is "host:port", or the path of a Unix socket, with or
    without "unix:". What was held back while it hung goes through, in order, once it passes again.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._fault = Fault.PASS
        self._latency_seconds = 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._dreaded = b""
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.round_trips = 0

    @property
    def host(self) -> str:
        """Host that it listens on."""
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """Port that it listens on; the same for its whole life."""
        return self._port

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self.host}:{self._port}"

    @property
    def fault(self) -> Fault:
        """What it does at this moment."""
        return self._fault

    async def pass_through(self) -> None:
        """Forwards everything, as a healthy network does."""
        await self._let_through(Fault.PASS)

    async def refuse(self) -> None:
        """Resets what is open and refuses what is new."""
        self._fault = Fault.REFUSE
        if self._server is not None:
            self._server.close()
            self._server = None
        self._reset_connections()
        self._flowing.set()

    async def hang(self) -> None:
        """Lets no byte through any more, in neither direction."""
        self._fault = Fault.HANG
        self._flowing.clear()
        await self._listen()

    def hang_at(self, words: bytes) -> None:
        """Hangs as soon as a client sends these words in one piece; they do not go through either."""
        self._dreaded = words

    async def delay(self, latency_seconds: float) -> None:
        """Makes each piece of data wait."""
        self._latency_seconds = latency_seconds
        await self._let_through(Fault.LATENCY)

    async def cut_replies(self) -> None:
        """Ends each connection in the middle of its next reply."""
        await self._let_through(Fault.CUT)

    async def talk_nonsense(self) -> None:
        """Answers in another protocol, as what now listens on a port that was another's does."""
        await self._let_through(Fault.NONSENSE)

    def lead_to(self, target: str, *, keep_open: bool = False) -> None:
        """Leads to another server from now on, as a name does after a failover."""
        self._target = target
        if not keep_open:
            self._reset_connections()

    async def put_under(self, fault: Fault) -> None:
        """Does as it did under a fault that it was under before."""
        if fault is Fault.REFUSE:
            await self.refuse()
        elif fault is Fault.HANG:
            await self.hang()
        else:
            await self._let_through(fault)

    async def _let_through(self, fault: Fault) -> None:
        self._fault = fault
        await self._listen()
        self._flowing.set()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()
        # What was accepted just now has its task in three turns of the loop, and ends by itself.
        for _ in range(3):
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self.host, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if self._fault is not Fault.REFUSE:
                await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            # Cancellation ends here because only __aexit__ cancels, and asyncio logs it otherwise.
            pass
        finally:
            self._drop(writer)
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        upstream_reader, upstream_writer = await self._connect()
        self._writers.add(upstream_writer)
        asked = asyncio.Event()

        def sent(data: bytes) -> None:
            asked.set()
            if self._dreaded and self._dreaded in data:
                self._dreaded, self._fault = b"", Fault.HANG
                self._flowing.clear()

        ways = [
            asyncio.create_task(self._pump(reader, upstream_writer, sent)),
            asyncio.create_task(self._pump(upstream_reader, writer, lambda _: self._answered(asked), True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._drop(upstream_writer)

    def _answered(self, asked: asyncio.Event) -> None:
        self.round_trips += asked.is_set()
        asked.clear()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        note: Callable[[bytes], None],
        replies: bool = False,
    ) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            note(data)
            await self._flowing.wait()
            if self._fault is Fault.LATENCY:
                await asyncio.sleep(self._latency_seconds)
            if replies and self._fault is Fault.CUT:
                writer.write(data[: len(data) // 2])
                return
            writer.write(_NONSENSE if replies and self._fault is Fault.NONSENSE else data)
            await writer.drain()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        target = self._target.removeprefix("unix:")
        if target.startswith("/"):
            return await asyncio.open_unix_connection(Path(target))
        host, _, port = target.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    def _reset_connections(self) -> None:
        for writer in tuple(self._writers):
            self._drop(writer)

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        raw = writer.get_extra_info("socket")
        if raw is not None and raw.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):
                # Lingering for no time makes the close a reset, as when a process is killed.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()
