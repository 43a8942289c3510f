"""The composition root of dataset-svc."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from prometheus_client import CollectorRegistry

from dataset_svc.archiving import ArchiveService, Rotation
from dataset_svc.conflict_service import ConflictService
from dataset_svc.conversation_service import ConversationService
from dataset_svc.fallback_reads import IndexedCatalogue, StaleReads
from dataset_svc.feed_service import FeedService
from dataset_svc.follower import Follower
from dataset_svc.importing import ImportService
from dataset_svc.index import TantivyIndex
from dataset_svc.key_service import KeyService
from dataset_svc.key_servicer import KeyServicer
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.service import BankService
from dataset_svc.servicer import DatasetServicer
from dataset_svc.settings import DatasetSettings
from dataset_svc.starter import load_starter_bank, starter_files
from dataset_svc.stores import Store, open_store
from dataset_svc.user_service import UserService
from mcai.dataset.v1 import dataset_pb2, dataset_pb2_grpc, key_pb2, key_pb2_grpc
from servicekit.background import in_background
from servicekit.degrade import Degradation
from servicekit.health import Probe
from servicekit.identifiers import EntropyPool, new_id
from servicekit.server import GrpcServer, Registration, run_service

NAME = "dataset-svc"
FULL_NAME = dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"].full_name
KEYS_FULL_NAME = key_pb2.DESCRIPTOR.services_by_name["KeyService"].full_name


@asynccontextmanager
async def running(settings: DatasetSettings, registry: CollectorRegistry) -> AsyncIterator[GrpcServer]:
    """Run the service until the context ends; raises ConfigurationError when it cannot start.

    It is entered when the index has caught up, or when it is known that the store is away.
    """
    async with AsyncExitStack() as stack:
        metrics = DatasetMetrics(registry)
        index = await TantivyIndex.open(settings.data_dir / "index", heap_bytes=settings.index_heap_bytes)
        stack.push_async_callback(index.close)
        store = await stack.enter_async_context(open_store(settings, registry, index))
        prepare = partial(load_starter_bank, store.bank, starter_files(), clock=time.time, new_id=new_id)
        follower = Follower(
            store.bank,
            index,
            metrics,
            prepare=prepare if settings.load_starter else _nothing,
            clock=time.monotonic,
        )
        metrics.following.set_function(lambda: not follower.behind)
        metrics.sequence.set_function(lambda: index.sequence)
        metrics.documents.set_function(lambda: index.documents)
        await stack.enter_async_context(in_background("follower", follower.run))
        rotation = Rotation(
            store.archive, metrics, interval_seconds=settings.rotation_interval_seconds, clock=time.time
        )
        await stack.enter_async_context(in_background("rotation", rotation.run))
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.start_wait_seconds):
                await follower.first_round()
        server = GrpcServer(
            settings,
            NAME,
            [
                Registration(
                    _servicer(store, index, follower, metrics, registry),
                    dataset_pb2_grpc.add_DatasetServiceServicer_to_server,
                    FULL_NAME,
                ),
                Registration(
                    KeyServicer(KeyService(store.keys, clock=time.time)),
                    key_pb2_grpc.add_KeyServiceServicer_to_server,
                    KEYS_FULL_NAME,
                ),
            ],
            [Probe("index", follower.check), Probe(store.name, store.bank.ping, critical=False)],
            registry,
        )
        await stack.enter_async_context(server)
        yield server


def _servicer(
    store: Store,
    index: TantivyIndex,
    follower: Follower,
    metrics: DatasetMetrics,
    registry: CollectorRegistry,
) -> DatasetServicer:
    degraded = partial(Degradation, store.name, registry)
    reads = StaleReads(index, lambda: follower.behind, degraded())
    catalogue = IndexedCatalogue(store.bank, index, degraded())
    # A draw from the kernel gives the interpreter to the thread that indexes, for milliseconds each time.
    many_ids = partial(new_id, entropy=EntropyPool())
    return DatasetServicer(
        BankService(
            store.bank,
            catalogue,
            index,
            reads,
            follower,
            metrics,
            clock=time.time,
            new_id=new_id,
        ),
        FeedService(
            store.bank,
            catalogue,
            reads,
            store=store.name,
            journalled=store.journalled,
            clock=time.monotonic,
        ),
        ImportService(store.imports, follower, metrics, clock=time.time, new_id=many_ids),
        ArchiveService(store.archive, follower, metrics, clock=time.time),
        ConversationService(store.conversations),
        UserService(store.users, store.conversations, store.conflicts, follower, clock=time.time),
        ConflictService(store.conflicts),
        time.time,
    )


async def _nothing() -> None:
    return


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    run_service(DatasetSettings, running)


if __name__ == "__main__":
    main()
