"""Points in time as RFC 3339 text in UTC."""

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def rfc3339(message: Message, field: str) -> str | None:
    """Returns a timestamp field of a message, such as "2031-05-06T07:08:09.123Z"; None if it is unset."""
    if not message.HasField(field):
        return None
    value = getattr(message, field)
    return value.ToJsonString() if isinstance(value, Timestamp) else None
