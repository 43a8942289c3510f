"""The keys that this gateway lets in: read from the bank, kept in memory, and on disk for a start without it.

A request is checked against what is kept, so a key costs no call and works while the bank is away. What
another gateway makes or revokes is here within `refresh_seconds`; an unknown key has the bank asked at once.

A secret is "mcai_" and 256 random bits. It is looked up by its SHA-256, which needs no salt and no slowness,
since nobody can guess such a number; the look-up's time tells about the hash, not about the secret.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from gateway.access import Principal, Scope
from gateway.backends import KeyStub, Peer
from mcai.dataset.v1 import key_pb2
from servicekit import logs
from servicekit.errors import AWAY, PeerUnavailable, ServiceError, Unauthenticated

MARK: Final = "mcai_"
SECRET_BYTES: Final = 32
PREFIX_CHARACTERS: Final = 12
_PAGE: Final = 1_000
_SOONEST_SECONDS: Final = 0.5

_log = logs.get_logger(__name__)


class KnownKey(msgspec.Struct, frozen=True):
    """What is kept of a key that holds; `expire_time` is in seconds since the epoch."""

    id: str
    sha256: bytes
    scopes: list[str]
    user_id: str
    expire_time: float | None = None

    def principal(self) -> Principal:
        """Returns whom the key stands for."""
        scopes = frozenset(Scope(each) for each in self.scopes)
        return Principal(self.id, self.user_id or None, scopes)


class KeyRing:
    """The keys that hold.

    Args:
        peer: The bank's keys.
        path: Where they are kept for the next start.
        now: Seconds since the epoch.
        clock: Seconds on a clock that only goes forward.
    """

    def __init__(
        self, peer: Peer[KeyStub], path: Path, *, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._peer = peer
        self._path = path
        self._now = now
        self._clock = clock
        self._refreshing = asyncio.Lock()
        self._refreshed_at = -_SOONEST_SECONDS
        self._keys: dict[bytes, tuple[Principal, float | None]] | None = None

    async def open(self) -> None:
        """Reads the keys from the bank, or while that is away those of the last time."""
        try:
            await self.refresh()
        except AWAY:
            self._keys = _read(self._path)

    async def keep_up(self, refresh_seconds: float) -> None:
        """Reads the keys again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(refresh_seconds)
            try:
                await self.refresh()
            except ServiceError as error:
                _log.debug("keys not read", error=error.message)

    async def refresh(self) -> None:
        """Reads the keys from the bank; raises what is wrong with it."""
        async with self._refreshing:
            known: list[KnownKey] = []
            request = key_pb2.ListKeysRequest(page_size=_PAGE)
            while True:
                page = await self._peer.ask(lambda stub: stub.ListKeys(request))
                known.extend(_known(each) for each in page.keys if not each.HasField("revoke_time"))
                if not page.next_page_token:
                    break
                request.page_token = page.next_page_token
            fresh = _by_hash(known)
            self._refreshed_at = self._clock()
            if fresh != self._keys:
                self._keys = fresh
                await asyncio.to_thread(_write, self._path, known)

    async def holder(self, secret: str) -> Principal:
        """Returns whom a secret stands for.

        Raises:
            Unauthenticated: It is none of ours, was revoked or has ended.
            PeerUnavailable: The bank is away and has never told the keys.
        """
        digest = hashlib.sha256(secret.encode()).digest()
        found = self._look_up(digest)
        if (
            found is None
            and secret.startswith(MARK)
            and self._clock() - self._refreshed_at > _SOONEST_SECONDS
        ):
            try:
                await self.refresh()
            except AWAY:
                if self._keys is None:
                    raise PeerUnavailable(
                        "Keys cannot be checked: the bank is away, and this gateway has not read them yet.",
                        retry_after_seconds=2.0,
                        metadata={"dependency": "dataset-svc"},
                    ) from None
            found = self._look_up(digest)
        if found is None:
            raise Unauthenticated("The key is unknown, was revoked or has ended.")
        return found

    def _look_up(self, digest: bytes) -> Principal | None:
        principal, expire_time = (self._keys or {}).get(digest, (None, None))
        return None if expire_time is not None and expire_time <= self._now() else principal


def new_secret() -> str:
    """Returns a new secret of 256 random bits."""
    return MARK + secrets.token_urlsafe(SECRET_BYTES)


def own_token(path: Path) -> str:
    """Returns the administrator's token of a file, which is made at the first time, readable by us alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    token = new_secret()
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    return token


def _known(key: key_pb2.ApiKey) -> KnownKey:
    expire_time = key.expire_time.ToMicroseconds() / 1e6 if key.HasField("expire_time") else None
    return KnownKey(key.id, key.secret_sha256, list(key.scopes), key.user_id, expire_time)


def _by_hash(known: list[KnownKey]) -> dict[bytes, tuple[Principal, float | None]]:
    return {each.sha256: (each.principal(), each.expire_time) for each in known}


def _read(path: Path) -> dict[bytes, tuple[Principal, float | None]] | None:
    try:
        return _by_hash(msgspec.json.decode(path.read_bytes(), type=list[KnownKey]))
    except (OSError, msgspec.DecodeError, ValueError):
        return None


def _write(path: Path, known: list[KnownKey]) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(known))
    fresh.replace(path)
