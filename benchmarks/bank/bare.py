"""What the bank is compared with: COPY, tantivy and SQLite's FTS5, each with nothing around it."""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import tantivy

_BLOCK_ROWS = 1_000
_BLOCK_BYTES = 1 << 18


def copy_rate(url: str, rows: Iterator[tuple[str, str]]) -> float:
    """Rows a second that COPY takes out of a file into a table without indexes, committed."""
    with psycopg.connect(url) as connection, tempfile.TemporaryFile("w+b") as file:
        count = 0
        for prompt, response in rows:
            file.write(f"{count}\t{_escaped(prompt)}\t{_escaped(response)}\n".encode())
            count += 1
        file.seek(0)
        connection.execute("CREATE TABLE bare (id text, prompt text, response text)")
        started = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
            while data := file.read(_BLOCK_BYTES):
                copy.write(data)
        connection.commit()
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE bare")
    return count / seconds


def tantivy_rate(directory: Path, rows: Iterator[tuple[str, str]], heap_bytes: int) -> float:
    """Rows a second that tantivy makes searchable, with as much memory and as many threads as ours."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    for name in ("prompt", "response"):
        builder.add_text_field(name, stored=True, tokenizer_name="en_stem")
    directory.mkdir()
    index = tantivy.Index(builder.build(), path=str(directory))
    writer = index.writer(heap_size=heap_bytes, num_threads=1)
    count, seconds = 0, 0.0
    for block in _blocks(rows):
        started = time.perf_counter()
        for number, (prompt, response) in enumerate(block, count):
            writer.add_document(tantivy.Document(id=str(number), prompt=prompt, response=response))
        seconds += time.perf_counter() - started
        count += len(block)
    started = time.perf_counter()
    writer.commit()
    index.reload()
    seconds += time.perf_counter() - started
    writer.wait_merging_threads()
    return count / seconds


class Fts5:
    """SQLite's full-text index of the same rows, in memory."""

    def __init__(self, rows: Iterator[tuple[str, str]]) -> None:
        self._table = sqlite3.connect(":memory:")
        self._table.execute(
            "CREATE VIRTUAL TABLE fts USING fts5(prompt, response, tokenize='porter unicode61')"
        )
        self._table.executemany("INSERT INTO fts VALUES (?, ?)", rows)

    def search(self, question: str) -> float:
        """Seconds that the ten best for any of the question's words take."""
        terms = " OR ".join(f'"{word}"' for word in question.replace('"', " ").split())
        statement = "SELECT rowid, bm25(fts) FROM fts WHERE fts MATCH ? ORDER BY bm25(fts) LIMIT 10"
        started = time.perf_counter()
        self._table.execute(statement, (terms,)).fetchall()
        return time.perf_counter() - started


def _blocks(rows: Iterator[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    block: list[tuple[str, str]] = []
    for row in rows:
        block.append(row)
        if len(block) == _BLOCK_ROWS:
            yield block
            block = []
    if block:
        yield block


def _escaped(text: str) -> str:
    # COPY's own escapes of control characters are those of JSON.
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"')
