"""Who may do what: one table of routes, and what a caller's key lets it do.

A key has scopes: `chat` (ask, and one's own conversations, tasks and feedback), `bank:write` (change the
bank), `admin` (everything, for everybody). Reading the bank needs any of them. A path that the table does not
know is the administrator's; a contract test holds every route in it.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final, Self

from servicekit.errors import NotFound


class Scope(Enum):
    """What a key may be for."""

    CHAT = "chat"
    BANK_WRITE = "bank:write"
    ADMIN = "admin"


class Access(Enum):
    """What a route asks for, and the scopes of which any one is enough."""

    OPEN = "open", frozenset(Scope)
    READ = "read", frozenset(Scope)
    CHAT = "chat", frozenset({Scope.CHAT, Scope.ADMIN})
    BANK_WRITE = "bank:write", frozenset({Scope.BANK_WRITE, Scope.ADMIN})
    ADMIN = "admin", frozenset({Scope.ADMIN})

    sufficient: frozenset[Scope]

    def __new__(cls, value: str, sufficient: frozenset[Scope]) -> Self:
        """Makes the member whose value is the word alone."""
        member = object.__new__(cls)
        member._value_ = value
        member.sufficient = sufficient
        return member


_ANY: Final = "."
_READING: Final = "GET|HEAD"
# Methods, paths and what they ask for; the first that fits counts.
_TABLE: Final = tuple(
    (re.compile(methods), re.compile(paths), access)
    for methods, paths, access in (
        (_ANY, r"/(?:livez|readyz|healthz|openapi\.json|dashboard|bank)?|/web/.*", Access.OPEN),
        (_ANY, r"/metrics|/api/keys(?:[/:].*)?|/api/system/(?:cache|debug)/.*", Access.ADMIN),
        (_ANY, r"/api/system/.*", Access.READ),
        # What was given up may be a text that somebody has removed from the bank.
        (_ANY, r"/api/examples:conflicts", Access.BANK_WRITE),
        (_READING, r"/api/(?:datasets|examples)(?:[/:].*)?|/api/(?:search|emotions)", Access.READ),
        (_ANY, r"/api/(?:datasets|examples)(?:[/:].*)?", Access.BANK_WRITE),
        (_ANY, r"/v1/.*|/api/(?:chat|emotion|cymatic|history|feedback|privacy)(?:[/:].*)?", Access.CHAT),
        (_ANY, r"/api/(?:conversations?|users?|tasks|job)(?:[/:].*)?", Access.CHAT),
    )
)


@lru_cache(maxsize=1024)
def access_of(method: str, path: str) -> Access | None:
    """Returns what a request, or a route by its template, asks for; None for a path that nobody has named."""
    for methods, paths, access in _TABLE:
        if methods.match(method) and paths.fullmatch(path):
            return access
    return None


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever sent a request.

    Attributes:
        id: Id of the key, or a word for those who need none; it may be logged.
        user_id: The only user whose data it reaches; None reaches everybody's.
        scopes: What it may do.
        keyed: Whether it showed a key.
    """

    id: str
    user_id: str | None
    scopes: frozenset[Scope]
    keyed: bool = True

    def may(self, access: Access | None) -> bool:
        """Says whether it may use a route that asks for this."""
        return not self.scopes.isdisjoint((access or Access.ADMIN).sufficient)

    def on_behalf_of(self, user_id: str | None) -> str | None:
        """Returns the user that a request is about, who is the key's own unless the key reaches everybody.

        Raises:
            NotFound: It names another user: whether there is one is not told.
        """
        if self.user_id is None:
            return user_id or None
        if user_id and user_id != self.user_id:
            raise NotFound("There is no such user.", metadata={"field": "user_id"})
        return self.user_id

    def owns(self, user_id: str) -> bool:
        """Says whether it reaches what belongs to this user."""
        return self.user_id is None or self.user_id == user_id


EVERYTHING: Final = frozenset(Scope)
ANYBODY_HERE: Final = Principal("local", None, EVERYTHING, keyed=False)
"""A client on this machine, of a gateway that asks for no keys."""
ANYBODY: Final = Principal("anybody", None, EVERYTHING - {Scope.ADMIN}, keyed=False)
"""Any other client of a gateway that asks for no keys."""
ADMINISTRATOR: Final = Principal("admin", None, EVERYTHING)
"""The holder of the token that the gateway was configured with."""
