"""Whatever a caller sends to whichever service: an answer, or a refusal in a sentence."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from mcai.dataset.v1 import dataset_pb2, key_pb2, key_pb2_grpc
from mcai.knowledge.v1 import knowledge_pb2
from mcai.monitor.v1 import monitor_pb2, monitor_pb2_grpc
from mcai.task.v1 import task_pb2
from monitor_svc.__main__ import running
from monitor_svc.settings import MonitorSettings
from servicekit.channel import open_channel
from tests.support import knowledge_replica
from tests.support.any_message import any_message
from tests.support.dataset_replica import dataset_replica
from tests.support.task_replica import task_replica

SERVICES: Final = {
    "dataset": dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"],
    "keys": key_pb2.DESCRIPTOR.services_by_name["KeyService"],
    "knowledge": knowledge_pb2.DESCRIPTOR.services_by_name["KnowledgeService"],
    "task": task_pb2.DESCRIPTOR.services_by_name["TaskService"],
    "monitor": monitor_pb2.DESCRIPTOR.services_by_name["MonitorService"],
}
REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
CALL_SECONDS = 30.0


def unary(service: ServiceDescriptor) -> Iterable[MethodDescriptor]:
    """Its methods of one request and one answer; streams of changes have no end of their own."""
    return (each for each in service.methods if not (each.client_streaming or each.server_streaming))


CALLS = [(name, each.name) for name, service in SERVICES.items() for each in unary(service)]


@asynccontextmanager
async def stub_of(service: str, directory: Path) -> AsyncIterator[Any]:
    """A client of a real service that runs here."""
    if service == "task":
        async with task_replica(directory) as task:
            yield task.stub
    elif service == "knowledge":
        async with knowledge_replica.replica(directory, "k") as knowledge:
            yield knowledge.stub
    elif service == "monitor":
        chosen = MonitorSettings(listen=f"unix:{directory}/m.sock", data_dir=directory)
        async with (
            running(chosen, CollectorRegistry()) as server,
            _channel(server.address, service) as channel,
        ):
            yield monitor_pb2_grpc.MonitorServiceStub(channel)
    else:
        async with (
            dataset_replica(directory) as dataset,
            _channel(dataset.server.address, service) as channel,
        ):
            yield dataset.stub if service == "dataset" else key_pb2_grpc.KeyServiceStub(channel)


def _channel(address: str, service: str) -> grpc.aio.Channel:
    return open_channel(address, services=[SERVICES[service]], token=None, timeout_seconds=CALL_SECONDS)


@pytest.fixture
async def stub(service: str, tmp_path: Path) -> AsyncIterator[Any]:
    async with stub_of(service, tmp_path) as made:
        yield made


@pytest.mark.parametrize(("service", "method"), CALLS)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    # A failure is told as it was found: making it smaller takes minutes of calls.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=st.data())
async def test_any_request_is_answered_or_refused_in_a_sentence(
    stub: Any, service: str, method: str, drawn: st.DataObject
) -> None:
    request = drawn.draw(any_message(SERVICES[service].methods_by_name[method].input_type))
    code, details = grpc.StatusCode.OK, "."
    try:
        await getattr(stub, method)(request)
    except grpc.aio.AioRpcError as error:
        code, details = error.code(), str(error.details())

    assert code in REFUSALS or code is grpc.StatusCode.OK, f"{code} {details}"
    assert details.endswith("."), details
