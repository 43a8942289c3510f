"""A corpus of files that nobody should have to trust, each with what an import must make of it."""

import gzip
import io
import json
import pickle  # noqa: TID251 - a hostile one is written here, and never read
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

GOOD = [{"prompt": "What is first?", "response": "One."}, {"prompt": "What is last?", "response": "Nine."}]
FIRST, LAST = (json.dumps(row).encode() for row in GOOD)
LONG_ANSWER = "It is a long story. " * 1_800
"""36,000 characters, as the old system's longest."""
LONG = json.dumps({"prompt": "What is long?", "response": LONG_ANSWER}).encode()


@dataclass(frozen=True, slots=True)
class Broken:
    """One file.

    Attributes:
        name: Its name, of which the ending may lie.
        content: Makes its bytes.
        rows: How many rows of it are imported.
        reason: Part of the sentence that says why the rest is not; "" if all of it is.
    """

    name: str
    content: Callable[[], bytes]
    rows: int
    reason: str


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("this must never run",)


def _lines(*lines: bytes) -> Callable[[], bytes]:
    return lambda: b"\n".join(lines) + b"\n"


def _nested(depth: int) -> bytes:
    return b'{"prompt": "a", "response": "b", "x": ' + b"[" * depth + b"]" * depth + b"}"


def _bomb(compress: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    return lambda: compress(FIRST + b"\n" + b" " * (80 * 2**20) + b"\n" + LAST)


def _cut(content: Callable[[], bytes], at: float) -> Callable[[], bytes]:
    def cut() -> bytes:
        whole = content()
        return whole[: int(len(whole) * at)]

    return cut


def _parquet(rows: int = 3_000) -> bytes:
    # Texts that do not compress, so that the file has many pages.
    numbers = [str(zlib.crc32(str(number).encode())) for number in range(rows)]
    file = io.BytesIO()
    pq.write_table(pa.table({"prompt": numbers, "response": numbers[::-1]}), file, data_page_size=4_096)
    return file.getvalue()


def _flipped(content: Callable[[], bytes], at: float) -> Callable[[], bytes]:
    def flipped() -> bytes:
        whole = bytearray(content())
        for offset in range(64):
            whole[int(len(whole) * at) + offset] ^= 0xFF
        return bytes(whole)

    return flipped


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def _many_gzipped() -> bytes:
    return gzip.compress(b"\n".join(FIRST.replace(b"first", b"%d" % number) for number in range(20_000)))


CORPUS = (
    Broken("empty.jsonl", lambda: b"", 0, "The file is empty"),
    Broken("empty.csv", lambda: b"", 0, "The file is empty"),
    Broken("empty.gz", lambda: gzip.compress(b""), 0, "The file is empty"),
    Broken("mark-alone.json", lambda: b"\xef\xbb\xbf", 0, "The file is blank"),
    Broken("blank.txt", lambda: b" \n\t\n" * 9, 0, "The file is blank"),
    Broken("header-alone.csv", lambda: b"prompt,response\n", 0, "It holds no rows"),
    Broken("no-rows.json", lambda: b"[]", 0, "It holds no rows"),
    Broken("cut.jsonl.gz", _cut(_many_gzipped, 0.7), 0, "gzip file is cut off"),
    Broken("cut.jsonl.zst", _cut(lambda: _zstd(FIRST * 9_000), 0.6), 0, "zstd file is cut off"),
    Broken("damaged.jsonl.gz", _flipped(_many_gzipped, 0.5), 0, "gzip file is damaged"),
    Broken("bomb.jsonl.gz", _bomb(gzip.compress), 0, "as a bomb does"),
    Broken("bomb.jsonl.zst", _bomb(_zstd), 0, "as a bomb does"),
    Broken("twice.jsonl.gz", lambda: gzip.compress(gzip.compress(FIRST)), 0, "compressed twice"),
    Broken("archive.zip.jsonl", lambda: b"PK\x03\x04" + b"\0" * 99, 0, "ZIP archive"),
    Broken("picture.json", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 99, 0, "a picture"),
    Broken("binary.csv", lambda: bytes(range(256)) * 9, 0, "a binary file"),
    Broken("cut.json", lambda: b"[" + FIRST + b', {"prompt": "cut o', 0, "not valid JSON"),
    Broken("comma.json", lambda: b"[" + FIRST + b",," + LAST + b"]", 0, "not valid JSON"),
    Broken("nan.json", lambda: b'[{"prompt": "a", "response": NaN}]', 0, "NaN is not JSON"),
    Broken("cut-line.jsonl", _lines(FIRST, b'{"prompt": "cut o', LAST), 2, "The line is not valid JSON"),
    Broken("no-object.jsonl", _lines(FIRST, b"17", b'"text"', b"null", LAST), 2, "must be an object"),
    Broken(
        "surrogate.jsonl",
        _lines(FIRST, b'{"prompt": "half \\ud83d", "response": "x"}', LAST),
        2,
        "half a surrogate pair",
    ),
    Broken(
        "surrogate-beside.jsonl",
        _lines(FIRST, b'{"prompt": "a", "response": "x", "tag": "\\udc00"}', LAST),
        2,
        "half a surrogate pair",
    ),
    Broken(
        "escaped-nul.jsonl",
        _lines(FIRST, b'{"prompt": "a\\u0000b", "response": "x"}', LAST),
        2,
        "a NUL character",
    ),
    Broken(
        "escaped-nul-beside.jsonl",
        _lines(FIRST, b'{"prompt": "a", "response": "x", "tag": "\\u0000"}', LAST),
        2,
        "a NUL character",
    ),
    Broken("nul.jsonl", _lines(FIRST, b'{"prompt": "a\0b", "response": "x"}', LAST), 0, "a binary file"),
    Broken(
        "late-nul.jsonl",
        _lines(*[FIRST] * 2_000, b'{"prompt": "a\0b", "response": "x"}', LAST),
        2_001,
        "The line is not valid JSON",
    ),
    Broken(
        "invalid-utf8.jsonl",
        _lines(FIRST, b'{"prompt": "caf\xc3\xa9 \xff\xfe\x81", "response": "x"}', LAST),
        2,
        "neither UTF-8 nor Windows-1252",
    ),
    Broken(
        "invalid-utf8.json", lambda: b'[{"prompt": "\xc3\xa9\xff", "response": "x"}]', 0, "not valid JSON"
    ),
    Broken("utf-16-cut.json", lambda: b"\xff\xfe" + "[1]".encode("utf-16-le")[:-1], 0, "UTF-16"),
    Broken("deep.jsonl", _lines(FIRST, _nested(100_000), LAST), 2, "nested more than 64 levels"),
    Broken("deep-enough.jsonl", _lines(FIRST, _nested(70), LAST), 2, "nested more than 64 levels"),
    Broken("deep.json", lambda: b"[" * 100_000, 0, "not valid JSON"),
    Broken("deep.yaml", lambda: b"[" * 3_000 + b"]" * 3_000, 0, "nested more than 64 levels"),
    Broken(
        "laughs.yaml",
        lambda: b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        0,
        "It holds an alias",
    ),
    Broken("tag.yaml", lambda: b"- !!python/object/apply:os.system ['true']\n- prompt: a\n", 0, "must be an"),
    Broken("tabs.yaml", lambda: b"- prompt: a\n\tresponse: b\n", 0, "not valid YAML"),
    Broken("open-quote.csv", lambda: b'prompt,response\na,b\n"c,d\ne,f\n', 1, "never closed"),
    Broken("text-after.csv", lambda: b'prompt,response\na,b\n"c"x,d\ne,f\n', 2, "followed by text"),
    Broken("too-wide.csv", lambda: b"prompt,response\na,b\nc,d,e\nf,g\n", 2, "It has 3 cells"),
    Broken("twice-named.csv", lambda: b"prompt,prompt,response\na,b,c\n", 0, "names the column prompt twice"),
    Broken("no-pair.csv", lambda: b"name,price\nbread,3\n", 0, "Its fields are name, price"),
    Broken("cut.parquet", _cut(_parquet, 0.5), 0, "Parquet file cannot be read"),
    Broken("damaged.parquet", _flipped(_parquet, 0.9), 0, "Parquet file cannot be read"),
    Broken("magic-alone.parquet", lambda: b"PAR1" * 4, 0, "Parquet file cannot be read"),
    Broken("packed.parquet.gz", lambda: gzip.compress(_parquet()), 0, "Parquet is compressed in itself"),
    Broken("evil.pkl", lambda: pickle.dumps({"data": {"d": [_Evil()]}}, 4), 0, "wants to run"),
    Broken("cut.pkl", _cut(lambda: pickle.dumps({"data": {"d": GOOD}}, 4), 0.8), 0, "pickle"),
    Broken("other.pkl", lambda: pickle.dumps([1, 2, 3], 4), 0, "not a cache of the old system"),
    Broken("half.txt", lambda: b"Prompt: a\nCompletion: b\n\nPrompt: c\n", 1, "no response"),
    Broken("prose.txt", lambda: b"Once upon a time there was no pair.\n", 0, "no known shape"),
    Broken("lies.csv", lambda: b"[" + FIRST + b"," + LAST + b"]", 2, ""),
    Broken("lies.parquet", _lines(FIRST, LAST), 2, ""),
    Broken("no-ending", lambda: b"prompt\tresponse\na\tb\n", 1, ""),
    Broken("lies.json", lambda: gzip.compress(FIRST + b"\n" + LAST), 2, ""),
    Broken("utf-16.json", lambda: json.dumps(GOOD).encode("utf-16"), 2, ""),
    Broken("long-answer.jsonl", _lines(LONG), 1, ""),
    Broken(
        "beyond.jsonl",
        _lines(FIRST, json.dumps({"prompt": "?", "response": "x" * 262_145}).encode(), LAST),
        2,
        "response must be at most 262,144 characters long",
    ),
    Broken(
        "long-question.jsonl",
        _lines(FIRST, json.dumps({"prompt": "x" * 16_385, "response": "x"}).encode(), LAST),
        2,
        "prompt must be at most 16,384 characters long",
    ),
    Broken(
        "much-beside.jsonl",
        _lines(FIRST, json.dumps({"prompt": "a", "response": "b", "x": "y" * 70_000}).encode(), LAST),
        2,
        "metadata must be at most 65,536 bytes long",
    ),
    Broken(
        "climbing.jsonl",
        _lines(FIRST, b'{"prompt": "a", "response": "b", "domain": "../../etc"}', LAST),
        2,
        "domain must be",
    ),
    Broken("line.json", lambda: b"[" + b",".join([LONG] * 500) + b"]", 500, ""),
)
