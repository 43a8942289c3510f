"""Which addresses are this machine's own, and which requests are meant for it."""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import Scope

from gateway.heads import has_any, header

# Every request asks, of a few addresses and names.
_REMEMBERED = 1024
_PASSED_ON = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host")


@lru_cache(maxsize=_REMEMBERED)
def is_loopback(host: str) -> bool:
    """Says whether an address is one of this machine alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_meant_for_loopback(scope: Scope) -> bool:
    """Says whether a request names this machine as its host, and no proxy has passed it on for somebody.

    A page of another site can have its own name resolved to 127.0.0.1, and then reaches what listens there
    with its visitor's browser; the Host header still holds the page's name (DNS rebinding). A request without
    the header does not come from a browser.
    """
    if has_any(scope, _PASSED_ON):
        return False
    return _names_loopback(header(scope, b"host"))


@lru_cache(maxsize=_REMEMBERED)
def _names_loopback(named: str) -> bool:
    try:
        return not named or is_loopback(urlsplit(f"//{named}").hostname or "")
    except ValueError:
        return False
