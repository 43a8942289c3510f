from pathlib import Path

import pytest

from servicekit.addresses import MAX_SOCKET_PATH_BYTES, socket_path, split_host_port
from servicekit.errors import ConfigurationError


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:50051", ("localhost", 50051)),
        ("[::]:50051", ("::", 50051)),
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),  # noqa: S104 - read, not bound
    ],
)
def test_host_and_port(address: str, parts: tuple[str, int]) -> None:
    assert split_host_port(address) == parts


@pytest.mark.parametrize("address", ["", "50051", ":50051", "host:", "host:port", "host:65536", "host:-1"])
def test_what_is_no_address_is_one_sentence(address: str) -> None:
    with pytest.raises(ConfigurationError, match="host:port"):
        split_host_port(address)


def test_a_socket_has_a_path_and_a_port_has_none() -> None:
    assert socket_path("unix:/run/mcai/x.sock") == Path("/run/mcai/x.sock")
    assert socket_path("127.0.0.1:1") is None


def test_a_path_that_the_system_cannot_hold_is_refused() -> None:
    longest = "/" + "x" * (MAX_SOCKET_PATH_BYTES - 1)
    assert socket_path(f"unix:{longest}") == Path(longest)

    with pytest.raises(ConfigurationError, match="shorter path"):
        socket_path(f"unix:{longest}x")
