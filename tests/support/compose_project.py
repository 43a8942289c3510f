"""The real Compose project, built from this checkout and brought up once for the tests that ask for it."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.requirements import require

ROOT = Path(__file__).parents[2]
PROJECT = "mcai-e2e"
REPLICAS = {"dataset-svc": 2, "knowledge-svc": 2, "task-svc": 2, "monitor-svc": 2}
REPLICATED = ("-f", "docker-compose.yml", "-f", "deploy/compose.replicas.yml")
ANSWER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """A running project; `client` talks to its gateway."""

    compose: Any
    client: httpx2.Client

    def run(self, *arguments: str) -> str:
        """Run `docker compose ARGUMENTS` in the project and return what it printed."""
        command = [*self.compose.docker_compose_command(), *arguments]
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            command, cwd=ROOT, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    async def run_beside(self, *arguments: str) -> str:
        """The same, while other things go on."""
        return await asyncio.to_thread(self.run, *arguments)

    def kill(self, service: str) -> None:
        """End all containers of a service at once, without a goodbye."""
        self.run("kill", service)

    def start(self, service: str) -> None:
        """Start a service's containers again; returns when their processes run."""
        self.run("start", service)

    def healthy(self, service: str) -> bool:
        """Whether all containers of a service pass their health checks."""
        states = self.run("ps", "--format", "{{.Health}}", service).split()
        return bool(states) and set(states) == {"healthy"}

    def python(self, service: str, index: int, program: str) -> str:
        """Run a Python program inside a replica and return what it printed."""
        return self.run("exec", "-T", "--index", str(index), service, "python", "-c", program)

    def admin_key(self) -> str:
        """The administrator's key, as the README has it read."""
        return self.run("exec", "-T", "gateway", "cat", "/run/mcai/admin/mcai_admin_token").strip()

    def prometheus(self, path: str, **params: str) -> Any:
        """What Prometheus answers to a question of its HTTP API."""
        host, port = self.run("port", "prometheus", "9090").strip().rsplit(":", 1)
        response = httpx2.get(
            f"http://{host}:{port}/api/v1/{path}", params=params, timeout=ANSWER_SECONDS, trust_env=False
        )
        body: dict[str, Any] = response.raise_for_status().json()
        assert body["status"] == "success", body
        return body["data"]

    def ask(self, message: str) -> httpx2.Response:
        """Ask the chat."""
        return self.client.post("/api/chat", json={"message": message})


@pytest.fixture(scope="session")
def compose_project() -> Iterator[ComposeProject]:
    """The project with two replicas of each service but the gateway."""
    reason = _missing()
    if reason is not None:
        require("docker", reason)
    from testcontainers.compose import DockerCompose  # noqa: PLC0415 - it looks for Docker when imported

    port = _free_port()
    # Compose and testcontainers are told by the environment; both read it when they start a process.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOSE_PROJECT_NAME", PROJECT)
        patch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
        patch.setenv("MCAI_PORT", str(port))
        patch.setenv("MCAI_AUTH", "required")
        patch.setenv("PROMETHEUS_PORT", str(_free_port()))
        compose = DockerCompose(ROOT, build=True, wait=True)
        scales = [f"--scale={service}={count}" for service, count in REPLICAS.items()]
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS) as client:
            project = ComposeProject(compose, client)
            project.run("down", "--volumes", "--timeout", "2")
            try:
                project.run("up", "--build", "--detach", "--wait", *scales)
                client.headers["authorization"] = f"Bearer {project.admin_key()}"
                yield project
            except BaseException:
                print(project.run("logs", "--tail", "40"))  # noqa: T201 - why it did not come up
                raise
            finally:
                project.run("down", "--volumes", "--timeout", "5")


@contextmanager
def two_gateways(project: ComposeProject) -> Iterator[tuple[str, int]]:
    """The address of the front before two gateways, which ask for no keys; then the project is as before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCAI_AUTH", "off")
        # Without the others, which it would bring back to one replica each.
        project.run(*REPLICATED, "up", "--detach", "--wait", "--no-deps", "gateway", "gateway-b", "front")
        try:
            yield "127.0.0.1", httpx2.URL(str(project.client.base_url)).port or 0
        finally:
            project.run(*REPLICATED, "rm", "--stop", "--force", "front", "gateway-b")
    project.run("up", "--detach", "--wait", "--no-deps", "gateway")


def _missing() -> str | None:
    if shutil.which("docker") is None:
        return "the docker command is not installed"
    for question in (["docker", "version"], ["docker", "compose", "version"]):
        done = subprocess.run(question, check=False, capture_output=True, text=True)  # noqa: S603 - fixed words
        if done.returncode != 0:
            return f"`{' '.join(question)}` says: {(done.stderr or done.stdout).strip().splitlines()[-1]}"
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
