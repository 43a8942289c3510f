"""A gateway in front of the real services, each on a Unix socket of its own, that a test stops and starts."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from prometheus_client import CollectorRegistry

import dataset_svc.__main__ as dataset
import gateway.__main__ as front
import knowledge_svc.__main__ as knowledge
import monitor_svc.__main__ as monitor
import task_svc.__main__ as task
from dataset_svc.settings import DatasetSettings
from gateway.listener import Listener  # noqa: TC001 - an attribute's annotation, read by people
from gateway.settings import GatewaySettings
from knowledge_svc.settings import KnowledgeSettings
from monitor_svc.settings import MonitorSettings
from servicekit.settings import load
from task_svc.settings import TaskSettings
from tests.support.proxy import FaultyProxy
from tests.support.waiting import eventually

ROWS = [
    {"prompt": "What is TCP?", "response": "A reliable byte stream over IP.", "domain": "networking"},
    {"prompt": "What is UDP?", "response": "Single messages over IP, unreliable.", "domain": "networking"},
    {"prompt": "What is DNS?", "response": "The directory of names of the internet.", "domain": "networking"},
    {
        "prompt": "What is a perfect fifth?",
        "response": "An interval of seven semitones.",
        "domain": "music",
        "metadata": {"level": 1, "tags": ["interval"]},
    },
    {
        "prompt": "What is a chord?",
        "response": "Three or more notes at once. Three of them are a triad.",
        "domain": "music",
    },
]
SERVICES = ("dataset", "knowledge", "task", "monitor")
PROBE_SECONDS = 0.05


class House:
    """The gateway, its client, and the services behind it.

    Attributes:
        path: The folder of all files.
        client: Speaks to the gateway.
        listener: Where the gateway listens.
        settings: What the gateway was told.
        registry: The gateway's metrics.
        proxies: What stands before a service, for those that a test asked to be reached over a proxy.
    """

    def __init__(self, path: Path, proxied: tuple[str, ...], gateway_settings: dict[str, Any]) -> None:
        self.path = path
        self._proxied = proxied
        self._gateway_settings = gateway_settings
        self._running: dict[str, AsyncExitStack] = {}
        self.proxies: dict[str, FaultyProxy] = {}
        self.registry = CollectorRegistry()
        self.client: httpx2.AsyncClient
        self.listener: Listener
        self.settings: GatewaySettings

    async def start(self, name: str) -> None:
        """Starts a service on its own data of before."""
        stack = AsyncExitStack()
        await stack.enter_async_context(self._service(name))
        self._running[name] = stack

    async def stop(self, name: str) -> None:
        """Stops a service; its socket is gone."""
        await self._running.pop(name).aclose()

    async def start_gateway(self) -> None:
        """Starts the gateway on its own data of before, with a fresh client."""
        stack = AsyncExitStack()
        self.registry = CollectorRegistry()
        self.settings = self._settings("gateway")
        self.listener = await stack.enter_async_context(front.running(self.settings, self.registry))
        self.client = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=self.listener.url, timeout=30.0, trust_env=False)
        )
        self._running["gateway"] = stack

    @asynccontextmanager
    async def second_gateway(self, **more: Any) -> AsyncIterator[httpx2.AsyncClient]:
        """One more gateway in front of the same services, and a client of it."""
        settings = self._settings("gateway-2", **more)
        async with (
            front.running(settings, CollectorRegistry()) as listener,
            httpx2.AsyncClient(base_url=listener.url, timeout=30.0, trust_env=False) as client,
        ):
            yield client

    def _settings(self, name: str, **more: Any) -> GatewaySettings:
        return load(
            GatewaySettings,
            **{
                "port": 0,
                "listen": self._socket(name),
                "data_dir": self.path / name,
                "drain_seconds": 1.0,
                "probe_interval_seconds": PROBE_SECONDS,
                **{f"{each}_target": self._target(each) for each in SERVICES},
                **self._gateway_settings,
                **more,
            },
        )

    async def import_rows(self) -> None:
        """Puts the rows into the bank, through the front door."""
        body = b"\n".join(msgspec.json.encode(row) for row in ROWS)
        token = self.settings.admin_token
        headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        response = await self.client.post("/api/datasets:import", content=body, headers=NDJSON | headers)
        assert response.status_code == 200, response.text

    async def ask(self, message: str, **more: Any) -> httpx2.Response:
        """Asks the chat."""
        return await self.client.post("/api/chat", json={"message": message, **more})

    async def readiness(self, status: str) -> dict[str, Any]:
        """Waits until the gateway says that it is in a state, and returns what it says."""

        async def reached() -> dict[str, Any] | None:
            body: dict[str, Any] = (await self.client.get("/readyz")).json()
            return body if body["status"] == status else None

        found: dict[str, Any] | None = await eventually(reached)
        assert found is not None
        return found

    async def close(self) -> None:
        """Stops everything, the gateway first."""
        for name in ("gateway", *SERVICES):
            if name in self._running:
                await self.stop(name)

    async def open(self) -> None:
        """Starts everything, the gateway last."""
        for name in SERVICES:
            await self.start(name)
        for name in self._proxied:
            self.proxies[name] = await self._enter_proxy(name)
        await self.start_gateway()
        await self.readiness("ok")

    async def _enter_proxy(self, name: str) -> FaultyProxy:
        proxy = FaultyProxy(self._socket(name))
        await self._running[name].enter_async_context(proxy)
        return proxy

    def _service(self, name: str) -> AbstractAsyncContextManager[Any]:
        place: dict[str, Any] = {
            "listen": self._socket(name),
            "data_dir": self.path / name,
            "drain_seconds": 0.5,
            "probe_interval_seconds": PROBE_SECONDS,
        }
        targets: dict[str, Any] = {f"{each}_target": self._socket(each) for each in (*SERVICES, "gateway")}
        registry = CollectorRegistry()
        make: dict[str, Callable[[], AbstractAsyncContextManager[Any]]] = {
            "dataset": lambda: dataset.running(load(DatasetSettings, **place, load_starter=False), registry),
            "knowledge": lambda: knowledge.running(
                load(KnowledgeSettings, **place, dataset_target=targets["dataset_target"]), registry
            ),
            "task": lambda: task.running(load(TaskSettings, **place), registry),
            "monitor": lambda: monitor.running(
                load(MonitorSettings, **place, **targets, round_interval_seconds=PROBE_SECONDS), registry
            ),
        }
        return make[name]()

    def _target(self, name: str) -> str:
        return self.proxies[name].address if name in self.proxies else self._socket(name)

    def _socket(self, name: str) -> str:
        return f"unix:{self.path}/{name}.sock"


NDJSON = {"content-type": "application/x-ndjson", "accept": "application/json"}


@asynccontextmanager
async def gateway_house(
    *proxied: str, with_rows: bool = True, **gateway_settings: Any
) -> AsyncIterator[House]:
    """A running house, with the rows in its bank; `proxied` names services that are reached over a proxy."""
    # A short path: that of a Unix socket may have 107 characters.
    path = Path(tempfile.mkdtemp(prefix="mcai-gw-"))
    house = House(path, proxied, gateway_settings)
    try:
        await house.open()
        if with_rows:
            await house.import_rows()
        yield house
    finally:
        await house.close()
        shutil.rmtree(path, ignore_errors=True)
