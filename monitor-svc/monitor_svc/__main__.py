"""The composition root of monitor-svc."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from prometheus_client import CollectorRegistry, generate_latest

from mcai.monitor.v1 import monitor_pb2_grpc
from monitor_svc.fallback import ForgetfulHistory
from monitor_svc.metrics import MonitorMetrics
from monitor_svc.model import Thresholds
from monitor_svc.replicas import GrpcReplicas
from monitor_svc.rounds import Rounds
from monitor_svc.service import MonitorService
from monitor_svc.servicer import MonitorServicer
from monitor_svc.settings import MonitorSettings
from monitor_svc.sqlite import SqliteHistory
from servicekit.background import in_background
from servicekit.degrade import Degradation
from servicekit.health import Probe
from servicekit.server import GrpcServer, Registration, run_service

NAME = "monitor-svc"
FULL_NAME = "mcai.monitor.v1.MonitorService"


@asynccontextmanager
async def running(settings: MonitorSettings, registry: CollectorRegistry) -> AsyncIterator[GrpcServer]:
    """Run the service until the context ends; raises ConfigurationError when it cannot start."""
    async with AsyncExitStack() as stack:
        services = [
            GrpcReplicas(name, target, settings.service_token) for name, target in _targets(settings).items()
        ]
        for each in services:
            stack.push_async_callback(each.close)
        history = ForgetfulHistory(
            await SqliteHistory.open(settings.data_dir / "history.sqlite", settings.history_max_rows),
            Degradation("history", registry),
        )
        stack.push_async_callback(history.close)
        rounds = Rounds(
            services,
            history,
            Thresholds(settings.warn_resident_bytes, settings.warn_cpu_percent),
            MonitorMetrics(registry),
            timeout_seconds=settings.round_timeout_seconds,
            forget_seconds=settings.forget_seconds,
            stalled_seconds=10 * (settings.round_interval_seconds + settings.round_timeout_seconds),
        )

        service = MonitorService(rounds, history, lambda: generate_latest(registry).decode())
        server = GrpcServer(
            settings,
            NAME,
            [
                Registration(
                    MonitorServicer(service), monitor_pb2_grpc.add_MonitorServiceServicer_to_server, FULL_NAME
                )
            ],
            [Probe("rounds", rounds.check)],
            registry,
        )
        await server.start()
        stack.push_async_callback(server.stop)
        await rounds.run()
        await stack.enter_async_context(
            in_background("rounds", partial(rounds.repeat, settings.round_interval_seconds))
        )
        yield server


def _targets(settings: MonitorSettings) -> dict[str, str]:
    """The services to watch, itself last, in the order in which they are shown."""
    targets = {
        "gateway": settings.gateway_target,
        "knowledge-svc": settings.knowledge_target,
        "dataset-svc": settings.dataset_target,
        "task-svc": settings.task_target,
        NAME: settings.monitor_target or own_target(settings.listen),
    }
    return {name: target for name, target in targets.items() if target}


def own_target(listen: str) -> str:
    """Where the process reaches itself: its own address, by loopback if it listens everywhere."""
    return listen.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  it is taken away here


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    run_service(MonitorSettings, running)


if __name__ == "__main__":
    main()
