"""`python -m servicekit.probe TARGET`: exit code 0 when the server there answers SERVING, else 1.

For the health check of a container: it imports nothing but gRPC, and writes the two messages of
grpc.health.v1 by hand, which is cheaper than to load protobuf every few seconds.
"""

import sys
from typing import Final

import grpc

_TIMEOUT_SECONDS: Final = 2.0
_ANY_SERVICE: Final = b""  # HealthCheckRequest with no service named
_SERVING: Final = b"\x08\x01"  # HealthCheckResponse: field 1, varint, SERVING


def serving(target: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> bool:
    """Returns whether the gRPC server at `target` answers SERVING within the timeout."""
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:  # noqa: TID251 - no loop here
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/grpc.health.v1.Health/Check"
        )
        try:
            answer = check(_ANY_SERVICE, timeout=timeout_seconds)
        except grpc.RpcError:
            return False
    return answer == _SERVING


def main() -> None:
    """Asks the target on the command line."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program's name and the target
        sys.exit("usage: python -m servicekit.probe TARGET")
    sys.exit(0 if serving(sys.argv[1]) else 1)


if __name__ == "__main__":
    main()
