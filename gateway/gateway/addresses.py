"""Which addresses are this machine's own, and which requests are meant for it."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host")


def is_loopback(host: str) -> bool:
    """Says whether an address is one of this machine alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_meant_for_loopback(headers: Headers) -> bool:
    """Says whether a request names this machine as its host, and no proxy has passed it on for somebody.

    A page of another site can have its own name resolved to 127.0.0.1, and then reaches what listens there
    with its visitor's browser; the Host header still holds the page's name (DNS rebinding). A request without
    the header does not come from a browser.
    """
    if any(name in headers for name in _PASSED_ON):
        return False
    named = headers.get("host", "")
    try:
        return not named or is_loopback(urlsplit(f"//{named}").hostname or "")
    except ValueError:
        return False
