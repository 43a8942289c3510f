"""Mutual TLS between the services: each shows a certificate of the system's own authority, and asks for one.

All services bear one name, since a replica is reached at whatever address DNS or the monitor finds it at;
who may call is told by the authority, which signs for nobody else. Unix sockets need none: only their owner
can open them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from servicekit.addresses import UNIX_PREFIX
from servicekit.errors import ConfigurationError

AUTHORITY: Final = "ca.pem"
CERTIFICATE: Final = "cert.pem"
KEY: Final = "key.pem"


@dataclass(frozen=True, slots=True)
class Tls:
    """What a process shows and whom it believes, in PEM.

    Attributes:
        authority: Certificates that sign those of the services.
        certificate: This process's, with those between it and the authority.
        key: Its private key.
        name: The name that every service's certificate bears.
    """

    authority: bytes
    certificate: bytes
    key: bytes
    name: str

    def server_credentials(self) -> grpc.ServerCredentials:
        """Returns those of a server that lets in whom the authority has signed for."""
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)], root_certificates=self.authority, require_client_auth=True
        )

    def channel(self, target: str, options: Sequence[tuple[str, Any]]) -> grpc.aio.Channel:
        """Returns a channel to a peer, which has to bear the name."""
        named = [*options, ("grpc.ssl_target_name_override", self.name)]
        return grpc.aio.secure_channel(target, self.channel_credentials(), named)

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Returns those of a client."""
        return grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)


def read_tls(directory: Path | None, name: str) -> Tls | None:
    """Returns what the three files of a folder hold, or None without a folder.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    if directory is None:
        return None
    try:
        authority, certificate, key = (
            (directory / each).read_bytes() for each in (AUTHORITY, CERTIFICATE, KEY)
        )
    except OSError as error:
        raise ConfigurationError(
            f"MCAI_TLS_DIR: {error.filename} cannot be read ({error.strerror}); the folder must hold "
            f"{AUTHORITY}, {CERTIFICATE} and {KEY}."
        ) from error
    return Tls(authority, certificate, key, name)


def applies_to(target: str) -> bool:
    """Says whether a peer at this address is reached by TLS, where there is any."""
    return not target.startswith(UNIX_PREFIX)
