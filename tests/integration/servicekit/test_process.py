"""The life of a real process: ready, signal, drain, exit code; and the probe of a container."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from servicekit.channel import open_channel
from servicekit.errors import PeerUnavailable, translating
from servicekit.probe import serving
from tests.integration.servicekit.conftest import StartServer
from tests.support.echo_service import EchoStub, Text, descriptor
from tests.support.waiting import eventually

SERVICE = """
import asyncio, sys
from contextlib import asynccontextmanager
from servicekit.server import GrpcServer, run_service
from servicekit.settings import ServiceSettings
from tests.support.echo_service import EchoServicer, Text

async def stuck(request, context):
    print("stuck", flush=True)
    await asyncio.Event().wait()

@asynccontextmanager
async def running(settings, registry):
    servicer = EchoServicer(change=stuck)
    async with GrpcServer(settings, "echo", [servicer.registration()], [], registry) as server:
        print(server.address, flush=True)
        yield server
    print("drained", flush=True)

run_service(ServiceSettings, running)
"""


class Process:
    def __init__(self, process: asyncio.subprocess.Process, first_line: str) -> None:
        self._process = process
        self.address = first_line.strip()

    async def line(self) -> str:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> tuple[int, str, str]:
        out, err = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def started(tmp_path: Path, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVICE,
        cwd=Path(__file__).parents[3],
        env={
            "MCAI_LISTEN": f"unix:{tmp_path}/echo.sock",
            "MCAI_DATA_DIR": str(tmp_path / "data"),
            "PYTHONPATH": ".",
        }
        | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Process(process, (await process.stdout.readline()).decode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_it_and_it_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    async with started(tmp_path) as process:
        channel = open_channel(process.address, services=[descriptor()], token=None, timeout_seconds=5)
        async with channel:
            assert (await EchoStub(channel).Unary(Text(value="x"))).value == "x"
            process.send(number)
            code, out, err = await process.end()
            with pytest.raises(PeerUnavailable), translating("echo"):
                await EchoStub(channel).Change(Text())

    assert (code, out) == (0, "drained\n")
    assert "Traceback" not in err
    assert '"event":"stopped"' in err.replace('": "', '":"')


async def test_a_second_signal_does_not_wait_for_the_drain(tmp_path: Path) -> None:
    async with started(tmp_path, MCAI_DRAIN_SECONDS="3600") as process:
        channel = open_channel(process.address, services=[descriptor()], token=None, timeout_seconds=60)
        async with channel:
            stub = EchoStub(channel)
            await stub.Unary(Text(value="x"))
            stuck = asyncio.ensure_future(stub.Change(Text(value="x")))
            assert await process.line() == "stuck"
            process.send(signal.SIGTERM)

            async def draining() -> bool:
                return not await asyncio.to_thread(serving, process.address)

            await eventually(draining)
            process.send(signal.SIGTERM)
            code, out, _ = await process.end()
            await asyncio.gather(stuck, return_exceptions=True)

    assert (code, out) == (1, "")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MCAI_DRAIN_SECONDS", "soon", "MCAI_DRAIN_SECONDS"),
        ("MCAI_LISTEN", "nonsense", "host:port"),
        ("MCAI_LISTEN", "unix:/proc/x/y.sock", "writable"),
    ],
)
async def test_a_wrong_configuration_is_one_sentence_and_exit_code_2(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    async with started(tmp_path, **{variable: value}) as process:
        code, out, err = await process.end()

    assert (code, out) == (2, "")
    sentence = err.strip().splitlines()[-1]
    assert said in sentence
    assert "Traceback" not in err


async def test_a_port_in_use_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with started(tmp_path, MCAI_LISTEN=address) as process:
            code, _, err = await process.end()

    assert code == 2
    assert err.count("\n") == 1, err
    assert address in err


async def probe(target: str) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "servicekit.probe", target)
    return await process.wait()


async def test_the_probe_tells_serving_from_all_else(start_server: StartServer, tmp_path: Path) -> None:
    server = await start_server(service_token="s3cret")

    assert await probe(server.address) == 0
    await server.health.drain()
    assert await probe(server.address) == 1
    assert not await asyncio.to_thread(serving, f"unix:{tmp_path}/absent.sock", 1.0)


async def test_the_probe_loads_nothing_that_it_does_not_need() -> None:
    code = "import sys, servicekit.probe; print(*sorted(sys.modules))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()

    loaded = set(out.decode().split())
    assert "grpc" in loaded
    assert not loaded & {"pydantic", "structlog", "prometheus_client", "google.protobuf", "servicekit.server"}


async def test_a_server_that_never_answers_is_not_serving() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert not await asyncio.to_thread(serving, address, 0.2)
