"""The cache file of the old system: a protocol-4 pickle of `{data: {domain: [row]}, index: defaultdict}`.

This is the one place that reads a pickle. A pickle is a program; so before it runs, its instructions are
looked through (pickletools executes nothing), and any that is not among those that build dicts, lists,
tuples, texts and numbers refuses the file. What it may name is
collections.defaultdict, and that gives a plain dict.
"""

import io
import pickle  # noqa: TID251  read by the restricted subclass below and nowhere else; never written
import pickletools
from collections.abc import Iterator
from typing import Any, NoReturn

from mcai_cli.reading.model import BrokenFileError, Item, ReadingRules
from mcai_cli.reading.shapes import Shapes
from mcai_cli.reading.source import Source

MAGICS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
BUILDING = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
        *("EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "NONE", "NEWTRUE", "NEWFALSE"),
        *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    }
)
NAMING = frozenset({"GLOBAL", "STACK_GLOBAL", "REDUCE"})
"""Allowed as well, for the defaultdict: _Restricted decides what may be named, and called."""
NAMES = {("collections", "defaultdict"), ("builtins", "list"), ("builtins", "dict")}


def pickle_items(source: Source, origin: str, rules: ReadingRules) -> Iterator[Item]:
    """The rows of a cache file; raises BrokenFileError for any other pickle, having run nothing of it."""
    value = admitted(source.whole("pickle"))
    if not (isinstance(value, dict) and isinstance(value.get("data"), dict)):
        raise BrokenFileError("It is not a cache of the old system: it holds no data by domain.")
    yield from Shapes(rules).document({"data": value["data"]}, origin)


def admitted(content: bytes) -> Any:
    """The value of a pickle of plain data; raises BrokenFileError for any other one."""
    try:
        _check(content)
        return _Restricted(io.BytesIO(content)).load()
    except BrokenFileError:
        raise
    except Exception as error:  # noqa: BLE001  a damaged pickle raises nearly anything
        raise BrokenFileError(f"The pickle is damaged ({type(error).__name__}).") from None


def _check(content: bytes) -> None:
    for count, (opcode, argument, _) in enumerate(pickletools.genops(content), 1):
        if opcode.name not in BUILDING | NAMING:
            raise BrokenFileError(
                f"It is a pickle that does more than hold data ({opcode.name}): it is refused, and nothing "
                "of it was run."
            )
        # The memo is a table as long as its largest number.
        if opcode.name in {"LONG_BINPUT", "LONG_BINGET"} and (argument or 0) > count:
            raise BrokenFileError("The pickle is damaged: it names a value that it does not hold.")


def _plain(factory: object = None, items: object = ()) -> dict[Any, Any]:
    """What `collections.defaultdict` makes here."""
    del factory, items
    return {}


class _Restricted(pickle.Unpickler):
    """Looks up nothing but the names above, none of which does anything."""

    def find_class(self, module: str, name: str) -> Any:
        """Stand-ins for the admitted names."""
        if (module, name) not in NAMES:
            _refuse(module, name)
        return _plain

    def persistent_load(self, pid: object) -> NoReturn:
        """Nothing lies outside of the file."""
        _refuse("persistent", str(pid))


def _refuse(module: str, name: str) -> NoReturn:
    raise BrokenFileError(
        f"It is a pickle that wants to run {module}.{name}: it is refused, and nothing of it was run."
    )
