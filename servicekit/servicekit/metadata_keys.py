"""The names under which our context travels in gRPC metadata, beside W3C's `traceparent`."""

from typing import Final

REQUEST_ID: Final = "x-request-id"
AUTHORIZATION: Final = "authorization"
TRACEPARENT: Final = "traceparent"
DEGRADED: Final = "x-mcai-degraded"
