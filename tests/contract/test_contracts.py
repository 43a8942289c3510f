"""Rules that every contract keeps, beside those of `buf lint`."""

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from mcai.dataset.v1 import dataset_pb2, key_pb2
from mcai.errors.v1 import errors_pb2
from mcai.knowledge.v1 import knowledge_pb2
from mcai.monitor.v1 import monitor_pb2, replica_pb2
from mcai.task.v1 import task_pb2
from servicekit.errors import ServiceError

SERVICES: list[ServiceDescriptor] = [
    service
    for module in (dataset_pb2, key_pb2, knowledge_pb2, monitor_pb2, replica_pb2, task_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
]
METHODS: list[MethodDescriptor] = [method for service in SERVICES for method in service.methods]


def subclasses(kind: type[ServiceError]) -> list[type[ServiceError]]:
    return [each for direct in kind.__subclasses__() for each in (direct, *subclasses(direct))]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_every_call_says_whether_it_may_be_repeated(method: MethodDescriptor) -> None:
    options: descriptor_pb2.MethodOptions = method.GetOptions()

    assert options.idempotency_level != descriptor_pb2.MethodOptions.IDEMPOTENCY_UNKNOWN


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_every_list_pages(method: MethodDescriptor) -> None:
    if not method.name.startswith("List") or method.name == "ListEmotions":  # the catalogue is one page
        return

    assert {"page_size", "page_token"} <= set(method.input_type.fields_by_name)
    assert "next_page_token" in method.output_type.fields_by_name


def test_every_error_has_a_reason_of_the_contract() -> None:
    reasons = {name.removeprefix("REASON_") for name in errors_pb2.Reason.keys()}  # noqa: SIM118 - not a dict

    assert {each.reason for each in subclasses(ServiceError)} <= reasons
