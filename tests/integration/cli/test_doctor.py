"""`mcai doctor` and `mcai top` on installations that run, that are broken and that are none."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from mcai_cli.doctor.system import findings_of
from tests.support.embedded_system import embedded_system, spawn
from tests.support.waiting import eventually

HEALTHY = {
    "status": "healthy",
    "source": "monitor",
    "capabilities": {"chat": {"status": "ok", "message": "", "since": "2026-11-26T12:08:04.2Z"}},
    "degraded": [],
    "components": [
        {"name": "gateway", "status": "healthy", "message": "", "replicas": [{"version": "0.1.0"}]}
    ],
    "warnings": [],
}


async def run(*arguments: str) -> tuple[int | None, str]:
    process = await spawn(*arguments)
    output, errors = await process.communicate()
    return process.returncode, output.decode() + errors.decode()


@contextmanager
def foreign_server() -> Iterator[str]:
    """Something that speaks HTTP and is not MC AI."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_a_running_system_is_found_well_and_shown(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with embedded_system(data) as system:

        async def whole() -> bool:
            return bool((await system.client.get("/api/system/health")).json()["status"] == "healthy")

        # The first round of the monitor may have come before the gateway.
        await eventually(whole)
        code, output = await run("doctor", "--to", system.url, "--data-dir", str(data))
        shown_code, shown = await run("top", "--once", "--to", system.url)

    assert code == 0, output
    assert "A system runs on the data directory" in output
    assert "databases are sound" in output
    assert "A question to the chat is answered" in output
    assert "wrong" not in output
    assert shown_code == 0
    for name in ("gateway", "dataset-svc", "task-svc", "knowledge-svc", "monitor-svc", "calls/s"):
        assert name in shown


async def test_a_system_that_is_stopped_and_damaged_is_told_with_its_remedy(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with embedded_system(data) as system:
        await system.stop()
    bank, cache = data / "dataset" / "bank.db", next(data.rglob("cache.sqlite"))
    for file in (bank, cache):
        file.write_bytes(os.urandom(50_000))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        code, output = await run("doctor", "--to", url, "--data-dir", str(data))
        top_code, shown = await run("top", "--to", url)

    words = " ".join(output.split())
    assert code == 1
    assert "No system runs on the data directory" in words
    assert "bank.db is damaged (file is not a database)" in words
    assert "restore a backup" in words
    assert "cache.sqlite is damaged" in words
    assert "It is made anew at the next start" in words
    assert f"Nothing answers at {url}" in words
    assert "make run" in words
    assert "2 things are wrong." in words
    assert top_code == 1
    assert "mcai doctor" in shown


async def test_another_program_at_the_address_is_no_system(tmp_path: Path) -> None:
    with foreign_server() as url:
        code, output = await run("doctor", "--to", url, "--data-dir", str(tmp_path / "none"))

    assert code == 1
    assert "is not MC AI" in output
    assert "There is no data directory" in " ".join(output.split())


def test_what_is_well_is_said_so() -> None:
    assert [each.sentence for each in findings_of(HEALTHY)] == ["Capability chat: ok."]


def test_each_fault_has_its_sentence_and_its_remedy() -> None:
    capability = {"status": "degraded", "message": "dataset-svc is away.", "since": "2026-11-26T12:08:04.2Z"}
    replicas = [{"version": "0.1.0"}, {"version": "0.2.0"}]
    components = [
        {"name": "task-svc", "status": "down", "message": "No replica serves.", "replicas": replicas},
        {"name": "redis", "status": "down", "message": "away", "replicas": []},
    ]
    faults = {
        "source": "gateway",
        "capabilities": {"chat": capability},
        "degraded": ["redis"],
        "components": components,
        "warnings": ["gateway uses 900 MB of memory, above 500 MB."],
    }

    found = list(findings_of(HEALTHY | faults))

    sentences = [each.sentence for each in found]
    assert sentences == [
        "monitor-svc is away: this is the gateway's own view, without history and warnings.",
        "Capability chat: degraded since 2026-11-26 12:08:04 UTC: dataset-svc is away.",
        "The system works without redis.",
        "task-svc is down: No replica serves.",
        "Warning: gateway uses 900 MB of memory, above 500 MB.",
        "The replicas have different versions: 0.1.0, 0.2.0.",
    ]
    assert all(each.remedy for each in found)
