"""Any message of a contract: each field absent, at its edges, or holding what nobody would send."""

from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

_TEXTS = st.sampled_from(["", "\0", "a", "../x", "' OR 1=1 --", "%s", "\u202e", "x" * 70_000]) | st.text(
    max_size=40
)
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
}
_FIELDS_AT_MOST = 3


def any_message(descriptor: Descriptor) -> st.SearchStrategy[Message]:
    """Messages of a type."""
    made = message_factory.GetMessageClass(descriptor)
    fields = {field.name: _values(field) for field in descriptor.fields}
    return st.fixed_dictionaries({}, optional=fields).map(
        lambda chosen: made(**_one_of_each(descriptor, chosen))
    )


def _values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    one = _value(field)
    return st.lists(one, max_size=_FIELDS_AT_MOST) if field.is_repeated else one


def _value(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    inner = field.message_type
    if inner is not None:
        return st.deferred(lambda: any_message(inner))
    if field.enum_type is not None:
        return st.integers(0, 2**31 - 1) | st.sampled_from([each.number for each in field.enum_type.values])
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return st.floats(width=32)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=40)
    return _INTEGERS.get(field.cpp_type, _TEXTS)


def _one_of_each(descriptor: Descriptor, chosen: dict[str, Any]) -> dict[str, Any]:
    """Without the fields that another of the same oneof excludes."""
    kept: dict[str, Any] = {}
    seen: set[str] = set()
    for name, value in chosen.items():
        oneof = descriptor.fields_by_name[name].containing_oneof
        if oneof is None or oneof.name not in seen:
            kept[name] = value
        if oneof is not None:
            seen.add(oneof.name)
    return kept
