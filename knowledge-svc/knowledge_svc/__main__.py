"""The composition root of knowledge-svc."""

import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from prometheus_client import CollectorRegistry

from knowledge_svc.bank_feed import BankFeed
from knowledge_svc.change_log import ChangeLog
from knowledge_svc.memory import MemoryTier
from knowledge_svc.metrics import KnowledgeMetrics
from knowledge_svc.paraphrase import plain_form
from knowledge_svc.service import KnowledgeService
from knowledge_svc.servicer import KnowledgeServicer
from knowledge_svc.settings import KnowledgeSettings
from knowledge_svc.shelves import Shelves, open_shelves
from knowledge_svc.warm_start import WarmStart
from mcai.dataset.v1 import dataset_pb2
from mcai.knowledge.v1 import knowledge_pb2, knowledge_pb2_grpc
from servicekit.background import in_background
from servicekit.channel import open_channel
from servicekit.claims import claimed_directory
from servicekit.server import GrpcServer, Registration, run_service
from servicekit.tls import read_tls

NAME = "knowledge-svc"
FULL_NAME = knowledge_pb2.DESCRIPTOR.services_by_name["KnowledgeService"].full_name

_DATASET_TIMEOUT_SECONDS = 2.0
# As long as the bank may take to start beside us; after that it counts as away.
_PATIENCE_SECONDS = 5.0


@asynccontextmanager
async def running(settings: KnowledgeSettings, registry: CollectorRegistry) -> AsyncIterator[GrpcServer]:
    """Run the service until the context ends; raises ConfigurationError when it cannot start."""
    async with AsyncExitStack() as stack:
        log = ChangeLog()
        directory = stack.enter_context(claimed_directory(settings.data_dir))
        shelves = await stack.enter_async_context(
            open_shelves(settings, registry, log, directory, new_name=_new_name)
        )
        service = _service(settings, registry, shelves, log)
        await stack.enter_async_context(shelves.attend(service))
        at_head = None
        if settings.dataset_target is not None:
            feed = await stack.enter_async_context(_following(settings, settings.dataset_target, service))
            at_head = feed.at_head
        warm_start = WarmStart(
            service,
            directory / "hottest.keys",
            limit=settings.warm_entries,
            at_head=at_head,
            patience_seconds=_PATIENCE_SECONDS,
        )
        await stack.enter_async_context(in_background("warm start", warm_start.run))
        server = GrpcServer(
            settings,
            NAME,
            [
                Registration(
                    KnowledgeServicer(service, time.time, time.monotonic, _form(settings)),
                    knowledge_pb2_grpc.add_KnowledgeServiceServicer_to_server,
                    FULL_NAME,
                )
            ],
            shelves.probes,
            registry,
            on_drain=(warm_start.save,),
        )
        await stack.enter_async_context(server)
        yield server


def _form(settings: KnowledgeSettings) -> Callable[[str], str]:
    return plain_form if settings.share_paraphrases else str


def _service(
    settings: KnowledgeSettings, registry: CollectorRegistry, shelves: Shelves, log: ChangeLog
) -> KnowledgeService:
    metrics = KnowledgeMetrics(registry)
    memory = MemoryTier(settings.memory_max_bytes, time.time, log.additions)
    metrics.memory_bytes.set_function(lambda: memory.size)
    return KnowledgeService(
        memory=memory,
        slower=shelves.slower,
        local=shelves.local,
        leases=shelves.leases,
        log=log,
        stamp=lambda entry: settings.lifetimes.stamp(entry, time.time(), random.random()),  # noqa: TID251, S311 - the default of an argument; jitter is no secret
        metrics=metrics,
        clock=time.time,
    )


@asynccontextmanager
async def _following(
    settings: KnowledgeSettings, target: str, service: KnowledgeService
) -> AsyncIterator[BankFeed]:
    """Follows the bank's changes while the block runs."""
    channel = open_channel(
        target,
        services=[dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"]],
        token=settings.service_token,
        tls=read_tls(settings.tls_dir, settings.tls_name),
        timeout_seconds=_DATASET_TIMEOUT_SECONDS,
    )
    feed = BankFeed(channel, service)
    async with channel, in_background("bank feed", feed.run):
        yield feed


def _new_name() -> str:
    return uuid.uuid4().hex


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    run_service(KnowledgeSettings, running)


if __name__ == "__main__":
    main()
