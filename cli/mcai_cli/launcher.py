"""The embedded system: all five services in one process, one event loop, gRPC over Unix sockets."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

import dataset_svc.__main__ as dataset
import gateway.__main__ as http
import knowledge_svc.__main__ as knowledge
import monitor_svc.__main__ as monitor
import task_svc.__main__ as task
from gateway.settings import GatewaySettings
from knowledge_svc.settings import KnowledgeSettings
from mcai_cli.layout import DataDirectory
from monitor_svc.settings import MonitorSettings
from servicekit.settings import load
from task_svc.settings import TaskSettings


@asynccontextmanager
async def embedded_system(
    host: str, port: int, data_dir: Path, log_level: str, workers: int = 1
) -> AsyncIterator[str]:
    """Run everything on `data_dir`; yields the gateway's URL once it is ready.

    Raises ConfigurationError when the port is taken, the directory is in use or cannot be written, or a
    database is corrupt.
    """
    registry = CollectorRegistry()
    with DataDirectory.claimed(data_dir) as directory:
        targets = {
            f"{name}_target": directory.target(name) for name in ("dataset", "knowledge", "task", "monitor")
        }
        monitored = {
            **directory.service_settings("monitor"),
            **targets,
            "gateway_target": directory.target("gateway"),
        }
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(dataset.running(directory.dataset_settings(), registry))
            await stack.enter_async_context(
                knowledge.running(
                    load(
                        KnowledgeSettings,
                        **directory.service_settings("knowledge"),
                        dataset_target=targets["dataset_target"],
                    ),
                    registry,
                )
            )
            await stack.enter_async_context(
                task.running(load(TaskSettings, **directory.service_settings("task")), registry)
            )
            await stack.enter_async_context(monitor.running(load(MonitorSettings, **monitored), registry))
            settings = load(
                GatewaySettings,
                **directory.service_settings("gateway"),
                **targets,
                host=host,
                port=port,
                log_level=log_level,
                workers=workers,
            )
            front = await stack.enter_async_context(http.running(settings, registry))
            yield front.url
