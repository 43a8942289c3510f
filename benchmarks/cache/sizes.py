"""What a stored answer takes, against the same as JSON in Redis and as a copy in every worker."""

import json
import statistics
from collections.abc import Callable, Sequence

import redis

from benchmarks.figures import Figure
from knowledge_svc import codec
from knowledge_svc.model import Entry, Key

# The system that went before had four, each with all answers of its own (LEGACY.md).
WORKERS = 4


def as_json(entry: Entry) -> bytes:
    """The entry as JSON without spaces, the answer within it as it is."""
    fields = {
        "value": json.loads(entry.value),
        "kind": entry.kind.value,
        "example_ids": entry.example_ids,
        "domains": entry.domains,
        "sequence": entry.sequence,
        "question": entry.question,
        "filled_at": entry.filled_at,
        "fresh_until": entry.fresh_until,
        "expires_at": entry.expires_at,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def measure_sizes(entries: Sequence[tuple[Key, Entry]], redis_url: str) -> list[Figure]:
    """Bytes of an answer here and there; what Redis itself says that they take is printed beside."""
    ours = statistics.mean(len(codec.encode(key, entry)) for key, entry in entries)
    theirs = statistics.mean(len(as_json(entry)) for _, entry in entries)
    memory = statistics.mean(entry.size for _, entry in entries)
    with redis.Redis.from_url(redis_url) as client:
        in_redis = _in_redis(client, entries, codec.encode)
        in_redis_json = _in_redis(client, entries, lambda _, entry: as_json(entry))
    name = f"bytes of an answer, mean of {len(entries):,}"
    print(f"{name:56} {ours:10.0f} as we store it, {theirs:.0f} as JSON, {memory:.0f} in a replica's memory")
    name = "the same with its key in Redis, as Redis counts"
    print(f"{name:56} {in_redis:10.0f} as we store it, {in_redis_json:.0f} as JSON")
    return [
        Figure("bytes of a stored answer, times JSON", ours / theirs, "x", 0.3),
        Figure(
            f"the same, times JSON in each of {WORKERS} workers",
            ours / (WORKERS * theirs),
            "x",
            0.3 / WORKERS,
        ),
    ]


def _in_redis(
    client: "redis.Redis", entries: Sequence[tuple[Key, Entry]], form: Callable[[Key, Entry], bytes]
) -> float:
    client.flushall()
    for key, entry in entries:
        client.set(key, form(key, entry))
    return statistics.mean(client.memory_usage(key) or 0 for key, _ in entries)
