"""Requests that no route may take, made up from an OpenAPI document: every one of them has to be refused.

They are wrong by construction, so an answer that is no refusal is a finding whatever it says. Each is the
bytes of one whole HTTP/1.1 request, or of what only looks like one.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

INJECTED: Final = "x-injected"
"""The header that the attempts to inject one would bring into an answer."""

_JSON: Final = "application/json"
_TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "string": ("x", "", "\u2028", "7", "true"),
    "integer": (0, -1, 7, 10**30),
    "number": (0.5, -1e300),
    "boolean": (True, False),
    "null": (None,),
    "array": ([], [[]], [None], ["x"]),
    "object": ({}, {"": None}, {"a": {"b": []}}),
}
_TRAVERSALS: Final = (
    "..", "../..", "../../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd",
    "....//....//etc/passwd", "..;/..;/etc/passwd", "%2e%2e%2f%2e%2e%2f", "file:///etc/passwd", "\x00",
    "x\x00.png", "x/../../y", "./.", ".", "~/.ssh/id_rsa", "C:\\boot.ini", "\\\\host\\share", "$(id)",
    "`id`", "' OR 1=1 --", "a\r\nx-injected: 1", "a\nx-injected: 1", "a\r\n\r\nHTTP/1.1 200 OK",
    "\x7f\x1b[31m", "%s%n%x", "{{7*7}}", " ", "\u202e", "\ufeff",
)  # fmt: skip
_RAW_TRAVERSALS: Final = (
    b"..%2f..%2fetc%2fpasswd", b"%2e%2e", b"%2e%2e/%2e%2e/", b"../../../etc/passwd", b"%c0%ae%c0%ae/",
    b"%ff%fe", b"%00", b"a%00b", b"..%5c..%5c", b"%252e%252e%252f", b"%0d%0ax-injected:%201",
    b"%E5%98%8A%E5%98%8Dx-injected:%201", b"%", b"%zz", b"%u002e", b"..%00/", b";/../", b"%ed%a0%80",
)  # fmt: skip
_HARDLY_HTTP: Final = (
    b"GET /livez\r\n\r\n",
    b"BREW /livez HTTP/1.1\r\nhost: x\r\n\r\n",
    b"get /livez HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET  /livez HTTP/9.9\r\nhost: x\r\n\r\n",
    b"GET /li vez HTTP/1.1\r\nhost: x\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
    b"SSH-2.0-OpenSSH_9.9\r\n",
    b"EHLO example.org\r\n\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b'{"message": "what"}\r\n\r\n',
)
_BAD_HEADERS: Final = (
    b"content-length: many", b"content-length: -1", b"content-length: 1\r\ncontent-length: 2",
    b"content-length: 3\r\ntransfer-encoding: chunked", b"content-length: 99999999999999999999999",
    b"transfer-encoding: chunked, identity", b"x-a: b\x00c", b"x-a: b\r\n c\x00d", b"x a: b", b"x-a : b",
    b": b", b"x-a\x00: b", b"x-\xff: b", b"\x0bx: y", b"no colon at all", b"x-a: b\rx-injected: 1",
)  # fmt: skip
_INJECTING: Final = (
    "x-request-id",
    "traceparent",
    "last-event-id",
    "idempotency-key",
    "accept",
    "host",
    "origin",
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """A request that has to be refused.

    Attributes:
        kind: What is wrong with it.
        raw: Its bytes.
    """

    kind: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Operation:
    method: str
    path: str
    named: list[str] = field(default_factory=list)
    queried: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    media_type: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    example: Any = None


class HostileRequests:
    """An endless supply of them, the same for the same seed.

    Args:
        document: The OpenAPI document of what is attacked.
        seed: Where the randomness starts.
    """

    def __init__(self, document: dict[str, Any], seed: int) -> None:
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._random = random.Random(seed)  # noqa: S311 - a test repeats itself
        self._operations = [*self._read(document)]
        self._with_body = [each for each in self._operations if each.media_type == _JSON]
        self._with_ids = [each for each in self._operations if each.named]
        self._with_query = [each for each in self._operations if each.queried]

    def __iter__(self) -> Iterator[Hostile]:
        kinds: tuple[Callable[[], bytes], ...] = (
            self._broken_json,
            self._wrong_type,
            self._wrong_query,
            self._traversal,
            self._raw_traversal,
            self._huge_head,
            self._injection,
            self._bad_header,
            self._bad_chunks,
            self._hardly_http,
            self._wrong_way,
        )
        while True:
            for kind in kinds:
                yield Hostile(kind.__name__.removeprefix("_"), kind())

    def _read(self, document: dict[str, Any]) -> Iterator[_Operation]:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                given = operation.get("parameters", [])
                content = operation.get("requestBody", {}).get("content", {})
                media_type = next(iter(content), "")
                body = self._resolved(content[media_type]["schema"]) if content else {}
                yield _Operation(
                    method.upper(),
                    path,
                    [each["name"] for each in given if each["in"] == "path"],
                    [(each["name"], each["schema"]) for each in given if each["in"] == "query"],
                    media_type,
                    body,
                    body.get("example", {}),
                )

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _broken_json(self) -> bytes:
        operation = self._random.choice(self._with_body)
        text = json.dumps(operation.example or {"a": 1}).encode()
        at = self._random.randrange(1, len(text))
        noise = self._random.randbytes(self._random.randrange(1, 200))
        return self._sent(
            operation,
            self._random.choice(
                (
                    text[:at],
                    text[:at] + b"\xff" + text[at:],
                    text[:1] + b"\x00" + text[1:],
                    text + b"}",
                    text.replace(b'"', b"'"),
                    b"\xef\xbb\xbf" + text,
                    text.decode().encode("utf-16"),
                    noise + b"\xfe",
                    b"[" * self._random.randrange(1, 100_000),
                    b'{"a":' * self._random.randrange(1, 50_000),
                    b'{"a": NaN}',
                    b'{"a": 1e}',
                    b'{"a": "\\ud800"}',
                    b'{"a": "\\u0000"}',
                    b'{"a": "\xed\xa0\x80"}',
                    b'// no\n{"a": 1}',
                    self._random.choice((b"[]", b"null", b"1", b'"x"', b"true", b"{}{}", b"\x00")),
                )
            ),
        )

    def _wrong_type(self) -> bytes:
        while True:
            operation = self._random.choice(self._with_body)
            wrong, found = self._spoilt(operation.body, operation.example)
            if found:
                return self._sent(operation, json.dumps(wrong).encode())

    def _spoilt(self, schema: dict[str, Any], value: Any) -> tuple[Any, bool]:
        """An object with one field of another type than it may have; False where all types may be."""
        properties = schema.get("properties", {})
        if not properties or not isinstance(value, dict):
            return value, False
        name = self._random.choice(sorted(properties))
        inner = self._resolved(properties[name])
        if self._random.randrange(2) and inner.get("properties"):
            wrong, found = self._spoilt(inner, value.get(name, {}))
            return {**value, name: wrong}, found
        if self._random.randrange(2) and inner.get("type") == "array":
            item = self._another_type(self._resolved(inner.get("items", {})))
            return {**value, name: [item]}, item is not ...
        wrong = self._another_type(inner)
        return {**value, name: wrong}, wrong is not ...

    def _another_type(self, schema: dict[str, Any]) -> Any:
        allowed = self._types(schema)
        others = [each for each in _TYPES if each not in allowed]
        return self._random.choice(_TYPES[self._random.choice(others)]) if allowed and others else ...

    def _types(self, schema: dict[str, Any]) -> set[str]:
        """The JSON types that a schema lets in; none are told by one that lets everything in."""
        schema = self._resolved(schema)
        if "enum" in schema:
            return {"string", "integer"}
        if "type" in schema:
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            # A whole number is a number, in either notation.
            return set(kinds) | ({"integer"} if "number" in kinds else set())
        found: set[str] = set()
        for each in schema.get("anyOf", ()):
            inner = self._types(each)
            if not inner:
                return set()
            found |= inner
        return found

    def _wrong_query(self) -> bytes:
        operation = self._random.choice(self._with_query)
        name, schema = self._random.choice(operation.queried)
        rubbish = "%00"
        kinds = self._types(schema)
        if not kinds & {"string", "array"}:
            rubbish = self._random.choice(
                ("many", "", "1e999", "0x10", "NaN", "--1", "[]", "%F0%9F%92%A9", "1;2")
            )
        elif "maxLength" in schema:
            rubbish = self._random.choice(("%00", "x" * (schema["maxLength"] + 1)))
        path = self._path(operation, "nothing")
        return self._request(operation.method, f"{path}?{name}={rubbish}".encode(), operation)

    def _traversal(self) -> bytes:
        operation = self._random.choice(self._with_ids)
        name = quote(self._random.choice(_TRAVERSALS), safe=self._random.choice(("", "/", "/;:'()")))
        return self._request(operation.method, self._path(operation, name).encode(), operation)

    def _raw_traversal(self) -> bytes:
        name = self._random.choice(_RAW_TRAVERSALS)
        if self._random.randrange(3):
            operation = self._random.choice(self._with_ids)
            before, _, after = self._path(operation, "\x01").encode().partition(b"\x01")
            return self._request(operation.method, before + name + after.replace(b"\x01", name), operation)
        start = self._random.choice((b"/web/", b"/", b"/../", b"//", b"/api/", b"/v1/", b"/web/chat.js/../"))
        return self._request("GET", start + name + b"/nothing", None)

    def _huge_head(self) -> bytes:
        size = self._random.choice((40_000, 65_000, 70_000, 200_000, 1_000_000))
        filler = self._random.choice(
            (
                b"x-filler: " + b"x" * size,
                b"x-" + b"f" * size + b": x",
                b"cookie: " + b"a=b; " * (size // 5),
                b"authorization: Bearer " + b"k" * size,
                b"\r\n".join(b"x-%d: %s" % (number, b"y" * 40) for number in range(size // 48 + 1)),
            )
        )
        if not self._random.randrange(4):
            return self._request("GET", b"/livez?" + b"q" * self._random.randrange(4_097, 30_000), None)
        return self._request("GET", b"/livez", None, filler)

    def _injection(self) -> bytes:
        """Text that would end a header, where an answer might repeat it."""
        if self._random.randrange(2):
            return self._request("GET", b"/api/nothing%0d%0ax-injected:%201", None)
        name = self._random.choice(_INJECTING).encode()
        value = self._random.choice(
            (
                b"%0d%0ax-injected: 1",
                b"a\tx-injected: 1",
                b"\xe5\x98\x8a\xe5\x98\x8dx-injected: 1",
                b'"\\r\\nx-injected: 1',
            )
        )
        return self._request("POST", b"/api/nothing", None, name + b": " + value)

    def _bad_header(self) -> bytes:
        operation = self._random.choice(self._operations)
        lines = (
            f"{operation.method} {self._path(operation, 'nothing')} HTTP/1.1".encode(),
            b"host: localhost",
            self._random.choice(_BAD_HEADERS),
        )
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _bad_chunks(self) -> bytes:
        chunks = self._random.choice(
            (
                b"zz\r\n",
                b"-1\r\nx",
                b"ffffffffffffffffff\r\n",
                b"1\r\nxyz",
                b"1;\x00\r\nx\r\n",
                b"\x00\r\n\r\n",
            )
        )
        head = b"POST /api/chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        return head + b"transfer-encoding: chunked\r\n\r\n" + chunks

    def _hardly_http(self) -> bytes:
        if self._random.randrange(2):
            return self._random.choice(_HARDLY_HTTP)
        return b"\xff" + self._random.randbytes(self._random.randrange(8, 2_000))

    def _wrong_way(self) -> bytes:
        """The right place with another method, or another type of body."""
        operation = self._random.choice(self._operations)
        if operation.media_type and self._random.randrange(2):
            media_type = self._random.choice(
                ("text/plain", "application/xml", "multipart/form-data", "", "x" * 500)
            )
            return self._sent(operation, b'{"message": "what"}', media_type)
        method = self._random.choice(("PUT", "TRACE", "OPTIONS", "PROPFIND", "LINK", "PURGE"))
        return self._request(method, self._path(operation, "nothing").encode(), None)

    def _path(self, operation: _Operation, name: str) -> str:
        path = operation.path
        for each in operation.named:
            path = path.replace("{%s}" % each, name).replace("{%s:path}" % each, name)  # noqa: UP031 - it has braces
        return path

    def _request(self, method: str, target: bytes, operation: _Operation | None, *headers: bytes) -> bytes:
        body, media_type = b"", ""
        if operation is not None and operation.media_type:
            media_type = operation.media_type
            body = json.dumps(operation.example or {"prompt": "x", "response": "y"}).encode()
        return _raw(method, target, body, media_type, headers)

    def _sent(self, operation: _Operation, body: bytes, media_type: str = _JSON) -> bytes:
        return _raw(operation.method, self._path(operation, "nothing").encode(), body, media_type, ())


def _raw(method: str, target: bytes, body: bytes, media_type: str, headers: tuple[bytes, ...]) -> bytes:
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"connection: close", *headers]
    if not any(each.startswith(b"host:") for each in headers):
        lines.append(b"host: localhost")
    if body:
        lines += [b"content-type: " + media_type.encode(), b"content-length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
