"""The composition root of monitor-svc."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

from mcai.monitor.v1 import monitor_pb2_grpc
from monitor_svc.fallback import ForgetfulHistory
from monitor_svc.judgement import Judgement
from monitor_svc.metrics import MonitorMetrics
from monitor_svc.ports import History
from monitor_svc.records import Records
from monitor_svc.replicas import GrpcReplicas
from monitor_svc.rounds import Pace, Rounds
from monitor_svc.service import MonitorService
from monitor_svc.servicer import MonitorServicer
from monitor_svc.settings import MonitorSettings
from monitor_svc.sqlite import SqliteHistory
from monitor_svc.thresholds import Watchdog, thresholds
from servicekit.background import in_background
from servicekit.degrade import Degradation
from servicekit.health import Probe
from servicekit.server import GrpcServer, Registration, run_service
from servicekit.tls import read_tls

NAME = "monitor-svc"
FULL_NAME = "mcai.monitor.v1.MonitorService"
# A miss is confirmed at once, but not so soon that a stall of a moment covers both questions.
CONFIRM_SECONDS: Final = 0.1


@asynccontextmanager
async def running(settings: MonitorSettings, registry: CollectorRegistry) -> AsyncIterator[GrpcServer]:
    """Run the service until the context ends; raises ConfigurationError when it cannot start."""
    tls = read_tls(settings.tls_dir, settings.tls_name)
    async with AsyncExitStack() as stack:
        services = [
            GrpcReplicas(name, target, settings.service_token, tls=tls)
            for name, target in _targets(settings).items()
        ]
        for each in services:
            stack.push_async_callback(each.close)
        history = ForgetfulHistory(
            await SqliteHistory.open(settings.data_dir / "history.sqlite", settings.history_max_rows),
            Degradation("history", registry),
        )
        stack.push_async_callback(history.close)
        records = Records(history)
        rounds = Rounds(
            services,
            await _judgement(settings, services, history),
            records,
            MonitorMetrics(registry),
            _pace(settings),
        )
        service = MonitorService(rounds, history, lambda: generate_latest(registry).decode(), time.time)
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
        stack.push_async_callback(records.flush)
        await stack.enter_async_context(in_background("records", records.repeat))
        await stack.enter_async_context(in_background("rounds", rounds.repeat))
        yield server


async def _judgement(settings: MonitorSettings, services: list[GrpcReplicas], history: History) -> Judgement:
    """Returns what judges the rounds, with what it knew when the monitor stopped."""
    judgement = Judgement(
        [each.service for each in services],
        settings.forget_seconds,
        Watchdog(thresholds(settings.limits()), settings.warn_hold_seconds),
    )
    judgement.restore(await history.conditions(), await history.standing())
    return judgement


def _pace(settings: MonitorSettings) -> Pace:
    interval, timeout = settings.round_interval_seconds, settings.round_timeout_seconds
    return Pace(interval, timeout, min(CONFIRM_SECONDS, interval), 10 * (interval + timeout))


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
