"""Answers that were given under an idempotency key or as a stream, kept to be given again."""

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import msgspec


class Recording(msgspec.Struct, frozen=True):
    """An answer: its status, the headers that belong to it, its body in the pieces that it was sent in."""

    status: int
    headers: list[tuple[bytes, bytes]]
    pieces: list[bytes]


class Verdict(Enum):
    """What is known of a key."""

    NEW = "new"  # it is ours now, until it is kept or given back
    RUNNING = "running"
    OTHER = "other"  # it was used with another request
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of an attempt to begin; with a recording if it is DONE."""

    verdict: Verdict
    recording: Recording | None = None


class Replays(Protocol):
    """Where recordings are. While Redis is away each gateway keeps its own, and says `redis` is away."""

    async def begin(self, key: str, fingerprint: str) -> Begun:
        """Claim a key for a request; a claim whose holder died ends by itself."""

    async def keep(self, key: str, fingerprint: str, recording: Recording, seconds: float) -> None:
        """End the claim with the answer, which is kept for so long."""

    async def release(self, key: str) -> None:
        """End the claim without an answer: the next one may try."""


def fingerprint_of(*parts: bytes) -> str:
    """Returns the SHA-256 of the parts, each told from the next by its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def name_of(principal_id: str, key: str) -> str:
    """Returns under what a key of somebody is kept; nobody else's key is the same."""
    return fingerprint_of(principal_id.encode(), key.encode())
