"""The gateway starts, drains and stops as a person and an orchestrator expect."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest

from gateway.listener import bind
from tests.support.gateway_house import gateway_house
from tests.support.waiting import eventually

LONG_SECONDS = 30.0
EXIT_CONFIGURATION = 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def gateway_process(path: Path, port: int) -> asyncio.subprocess.Process:
    """A gateway of its own, before services that do not exist."""
    settings = {
        "PATH": os.defpath,
        "MCAI_PORT": str(port),
        "MCAI_LISTEN": f"unix:{path}/g.sock",
        "MCAI_DATA_DIR": str(path),
        "MCAI_DATASET_TARGET": f"unix:{path}/none.sock",
        "MCAI_KNOWLEDGE_TARGET": f"unix:{path}/none.sock",
        "MCAI_TASK_TARGET": f"unix:{path}/none.sock",
        "MCAI_MONITOR_TARGET": f"unix:{path}/none.sock",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        env=settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_process_without_services_lives_and_stops_at_sigterm(tmp_path: Path) -> None:
    port = free_port()
    process = await gateway_process(tmp_path, port)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

            async def alive() -> bool:
                try:
                    return (await client.get("/livez")).status_code == 200
                except httpx2.TransportError:
                    return False

            await eventually(alive, LONG_SECONDS)
            assert (await client.get("/readyz")).status_code == 503
            chat = await client.post("/api/chat", json={"message": "what is tcp"})
            assert chat.status_code == 503
            assert "away" in chat.json()["detail"]
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LONG_SECONDS):
            _, errors = await process.communicate()

    assert process.returncode == 0
    assert b"Traceback" not in errors


async def test_a_process_that_cannot_have_its_port_says_so_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await gateway_process(tmp_path, port)
        async with asyncio.timeout(LONG_SECONDS):
            _, errors = await process.communicate()

    assert process.returncode == EXIT_CONFIGURATION
    last = errors.decode().strip().splitlines()[-1]
    assert last.startswith(f"Port {port} ")
    assert "choose another port" in last
    assert b"Traceback" not in errors


async def test_an_endless_stream_does_not_hold_the_stop_up() -> None:
    async with gateway_house(drain_seconds=LONG_SECONDS, request_timeout_seconds=LONG_SECONDS) as house:
        job = (
            await house.client.post(
                "/api/cymatic/generate", json={"frequency_hz": 15_000, "size_pixels": 2048}
            )
        ).json()
        async with house.client.stream("GET", f"/api/tasks/{job['job_id']}/events") as response:
            assert response.status_code == 200
            first = await anext(response.aiter_text())
            assert "event: " in first
            async with asyncio.timeout(LONG_SECONDS / 3):
                await house.stop("gateway")


async def test_the_port_is_free_again_after_the_stop_and_the_next_start_answers() -> None:
    async with gateway_house() as house:
        await house.stop("gateway")
        async with httpx2.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get(house.listener.url)
        await house.start_gateway()

        assert (await house.ask("what is tcp")).status_code == 200


def test_no_answer_waits_for_an_acknowledgement() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_client_that_leaves_in_the_middle_harms_nobody() -> None:
    async with gateway_house() as house:
        for payload in (
            (
                b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                b'content-length: 100\r\n\r\n{"mess'
            ),
            (
                b"POST /api/datasets/x:import HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n"
                b'content-length: 100\r\n\r\n{"prompt": "a", "response": "b"}\n'
            ),
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", house.listener.port)
            writer.write(payload)
            await writer.drain()
            writer.transport.abort()

        async def nothing_runs() -> bool:
            text = (await house.client.get("/metrics")).text
            return "mcai_http_requests_in_progress 1.0" in text

        assert await eventually(nothing_runs)
        assert 'status="500"' not in (await house.client.get("/metrics")).text
