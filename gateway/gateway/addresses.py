"""Which addresses are this machine's own."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Says whether an address is one of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
