"""`python -m servicekit.probe TARGET [TLS_DIR [NAME]]`: exit code 0 when it answers SERVING, else 1.

For the health check of a container: it imports nothing but gRPC, and writes the two messages of
grpc.health.v1 by hand, which is cheaper than to load protobuf every few seconds.
"""

import sys
from pathlib import Path
from typing import Final

import grpc

_NAME: Final = "mcai"
_TIMEOUT_SECONDS: Final = 2.0
_ANY_SERVICE: Final = b""  # HealthCheckRequest with no service named
_SERVING: Final = b"\x08\x01"  # HealthCheckResponse: field 1, varint, SERVING


def serving(
    target: str, timeout_seconds: float = _TIMEOUT_SECONDS, *, tls_dir: str = "", name: str = _NAME
) -> bool:
    """Returns whether the gRPC server at `target` answers SERVING in time; with a folder, by TLS."""
    with _channel(target, tls_dir, name) as channel:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/grpc.health.v1.Health/Check"
        )
        try:
            answer = check(_ANY_SERVICE, timeout=timeout_seconds)
        except grpc.RpcError:
            return False
    return answer == _SERVING


def _channel(target: str, tls_dir: str, name: str) -> grpc.Channel:
    options = [("grpc.enable_http_proxy", 0), ("grpc.ssl_target_name_override", name)]
    if not tls_dir:
        return grpc.insecure_channel(target, options[:1])  # noqa: TID251 - no loop here
    from servicekit.tls import read_tls  # noqa: PLC0415 - most do without

    tls = read_tls(Path(tls_dir), name)
    assert tls is not None  # noqa: S101 - there is a folder
    return grpc.secure_channel(target, tls.channel_credentials(), options)


def main() -> None:
    """Asks the target on the command line."""
    target, *tls = sys.argv[1:] or [""]
    if not target or len(tls) > 2:  # noqa: PLR2004 - the folder and the name
        sys.exit("usage: python -m servicekit.probe TARGET [TLS_DIR [NAME]]")
    tls_dir, name = (*tls, *("", _NAME)[len(tls) :])
    sys.exit(0 if serving(target, tls_dir=tls_dir, name=name) else 1)


if __name__ == "__main__":
    main()
