"""A DNS server on loopback that answers A queries from a table that the test changes."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_NO_ERROR, _NO_SUCH_NAME = 0, 3
_TYPE_A = 1
_ANSWER = 0x8180  # a response, recursion desired and available


class DnsServer(asyncio.DatagramProtocol):
    """Knows the addresses of names without their last dot; all other names do not exist."""

    def __init__(self) -> None:
        self.table: dict[str, list[str]] = {}
        self.queries = 0
        self.address = ""
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self.queries += 1
        self._transport.sendto(self._answer(data), addr)

    def _answer(self, query: bytes) -> bytes:
        name, end = _name(query)
        (kind,) = struct.unpack_from("!H", query, end)
        known = self.table.get(name)
        addresses = (known or []) if kind == _TYPE_A else []
        code = _NO_ERROR if known is not None else _NO_SUCH_NAME
        header = query[:2] + struct.pack("!HHHHH", _ANSWER | code, 1, len(addresses), 0, 0)
        records = b"".join(
            struct.pack("!HHHIH", 0xC00C, _TYPE_A, 1, 0, 4) + ipaddress.IPv4Address(address).packed
            for address in addresses
        )
        return header + query[12 : end + 4] + records


@asynccontextmanager
async def dns_server() -> AsyncIterator[DnsServer]:
    """Runs a server on a port of its own."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(DnsServer, local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()


def _name(query: bytes) -> tuple[str, int]:
    """Returns the name that a query asks for, in lower case, and the offset after it."""
    labels, offset = [], 12
    while length := query[offset]:
        labels.append(query[offset + 1 : offset + 1 + length].decode().lower())
        offset += length + 1
    return ".".join(labels), offset + 1
