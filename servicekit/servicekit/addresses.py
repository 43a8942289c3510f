"""Addresses that a server listens on: `unix:/path.sock` or `host:port`."""

import socket
import stat
from pathlib import Path
from typing import Final

from servicekit.errors import ConfigurationError

UNIX_PREFIX: Final = "unix:"
# sun_path of sockaddr_un holds 108 bytes on Linux, one of them the terminator.
MAX_SOCKET_PATH_BYTES: Final = 107
_MAX_PORT: Final = 65535


def split_host_port(address: str) -> tuple[str, int]:
    """Returns the host and the port of "host:port"; IPv6 hosts stand in brackets and lose them here.

    Raises:
        ConfigurationError: It is not an address of that shape.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > _MAX_PORT:
        raise ConfigurationError(f"{address!r} is not an address; write it as host:port.")
    return host.strip("[]"), int(port)


def require_free(host: str, port: int) -> None:
    """Binds to the address and lets it go: gRPC would tell a port in use by lines of its own on stderr.

    Raises:
        ConfigurationError: The address is in use, not ours to use or not known.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(
            f"{host}:{port} cannot be used ({reason}); choose another address in MCAI_LISTEN."
        ) from error


def socket_path(address: str) -> Path | None:
    """Returns the path of a `unix:` address, or None for any other address.

    Raises:
        ConfigurationError: The path is longer than the system allows.
    """
    if not address.startswith(UNIX_PREFIX):
        return None
    path = Path(address.removeprefix(UNIX_PREFIX))
    if len(bytes(path)) > MAX_SOCKET_PATH_BYTES:
        raise ConfigurationError(
            f"The socket path {path} is longer than {MAX_SOCKET_PATH_BYTES} bytes; "
            "use a data directory with a shorter path."
        )
    return path


def clear_stale_socket(path: Path) -> None:
    """Removes the socket that a killed process left behind.

    Raises:
        ConfigurationError: A live process answers on it, or the path is something else than a socket.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(f"{path} is in the way and not a socket; move it away.")
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ConfigurationError(f"Another process serves on {path}; stop it or use another data directory.")
