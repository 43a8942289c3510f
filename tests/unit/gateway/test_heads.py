"""Headers are looked up by name, and the first of a name counts."""

from typing import Any

from gateway.heads import has_any, header


def test_the_first_header_of_a_name_counts() -> None:
    scope: Any = {"headers": [(b"x-a", b"first"), (b"x-b", b"na\xefve"), (b"x-a", b"second"), (b"x-c", b"")]}

    assert header(scope, b"x-a") == "first"
    assert header(scope, b"x-b") == "naïve"
    assert (header(scope, b"x-c", "none"), header(scope, b"x-d", "none")) == ("", "none")
    assert has_any(scope, (b"x-d", b"x-c"))
    assert not has_any(scope, (b"x-d",))
