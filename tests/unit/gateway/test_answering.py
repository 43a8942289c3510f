"""How an answer's bytes reach the connection: the head with the body, and the headers always there."""

from typing import TYPE_CHECKING, Any

from gateway.connections import _SECURITY, _Answering

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
WHOLE_HEAD = HEAD[:-2] + _SECURITY + b"\r\n"


class Wire:
    """A transport that remembers, and an event loop that does later what it is told to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.left = False
        self._later: list[Callable[[], None]] = []
        transport: Any = self
        self.answering = _Answering(transport, self._later.append, self.leave)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.left

    def leave(self) -> None:
        self.left = True

    def turn(self) -> None:
        for each in self._later:
            each()
        self._later.clear()


def test_head_and_body_are_one_write() -> None:
    wire = Wire()
    wire.answering.write(HEAD)
    wire.answering.write(b"body")
    wire.turn()

    assert wire.written == [WHOLE_HEAD + b"body"]


def test_a_head_whose_body_is_not_there_yet_goes_by_itself() -> None:
    wire = Wire()
    wire.answering.write(HEAD)
    wire.turn()
    wire.answering.write(b"bo")
    wire.answering.write(b"dy")

    assert wire.written == [WHOLE_HEAD, b"bo", b"dy"]


def test_nothing_is_lost_when_the_connection_is_closed_behind_it() -> None:
    wire = Wire()
    wire.answering.write(HEAD)
    wire.answering.close()
    wire.turn()

    assert (wire.written, wire.left) == ([WHOLE_HEAD], True)


def test_the_word_to_go_on_is_no_head() -> None:
    wire = Wire()
    wire.answering.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    wire.answering.write(HEAD)
    wire.answering.write(b"body")

    assert wire.written == [b"HTTP/1.1 100 Continue\r\n\r\n", WHOLE_HEAD + b"body"]
