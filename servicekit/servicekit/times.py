"""Times that callers send: a Timestamp or a Duration may hold what is none."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from servicekit.errors import InvalidArgument


def checked_seconds(field: str, message: Timestamp | Duration) -> float:
    """Returns a Timestamp as seconds since the epoch (UTC), a Duration as seconds, to the microsecond.

    Raises:
        InvalidArgument: It is out of the range of its type; the sentence names `field`.
    """
    try:
        return message.ToMicroseconds() / 1e6
    except ValueError:
        raise InvalidArgument(f"{field} is out of range.", metadata={"field": field}) from None
