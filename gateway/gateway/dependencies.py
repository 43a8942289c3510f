"""What the routes are given: made once in `__main__`, handed on by FastAPI."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from gateway.access import Principal
from gateway.auth import PRINCIPAL
from gateway.backends import Peers
from gateway.chat.pipeline import ChatPipeline
from gateway.fallback import JournalledMemory, KnownDomains
from gateway.fallback_system import SystemView
from gateway.keys import KeyRing
from gateway.last_answers import LastAnswers
from gateway.metrics import GatewayMetrics
from gateway.near_cache import NearCache
from gateway.process import ProcessMeter
from gateway.readiness import Readiness
from gateway.settings import GatewaySettings
from gateway.shared import Shared
from servicekit.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Everything that a route may use.

    Attributes:
        settings: What the gateway was told.
        peers: The services.
        chat: The answer pipeline over ports that answer in any case.
        memory: Where feedback goes.
        near: Fresh answers held in the gateway.
        last_answers: What the gateway answered last, for when everything is away.
        domains: Tells a domain that does not exist.
        system: The health of the whole.
        admin_token: One more key, which may do everything; None if there is none.
        shared: What all gateways share through Redis: token buckets and recorded answers.
        ring: The keys that are let in; None while none is asked for.
        readiness: The health of the way from here to an answer.
        metrics: The gateway's own counters.
        registry: All metrics of the process.
        process: Measures this process.
        new_id: Makes ids that sort by time.
        ending: Set when the gateway drains, upon which endless streams end.
    """

    settings: GatewaySettings
    peers: Peers
    chat: ChatPipeline
    memory: JournalledMemory
    near: NearCache
    last_answers: LastAnswers
    domains: KnownDomains
    system: SystemView
    admin_token: SecretStr | None
    shared: Shared
    ring: KeyRing | None
    readiness: Readiness
    metrics: GatewayMetrics
    registry: CollectorRegistry
    process: ProcessMeter
    new_id: Callable[[], str]
    ending: asyncio.Event = field(default_factory=asyncio.Event)


async def _dependencies(request: Request) -> Dependencies:
    found: Dependencies = request.app.state.dependencies
    return found


async def _principal(request: Request) -> Principal:
    found: Principal = request.scope[PRINCIPAL]
    return found


Deps = Annotated[Dependencies, Depends(_dependencies)]
Who = Annotated[Principal, Depends(_principal)]

# Without a count: pydantic's engine unrolls `{1,128}` over all of Unicode into 3 MB for each parameter.
# A name of marks alone, such as "..", is none.
ID_PATTERN = r"^[.@:+-]*\w[\w.@:+-]*$"

NamedUser = Annotated[
    str | None,
    Query(
        alias="user_id",
        pattern=ID_PATTERN,
        max_length=128,
        description="Whose; letters, digits and _ . @ : + -, at most 128. A user's own key needs none.",
    ),
]


async def _user_id(who: Who, user_id: NamedUser = None) -> str:
    about = who.on_behalf_of(user_id)
    if about is None:
        raise InvalidArgument("query parameter 'user_id': field required.", metadata={"field": "user_id"})
    return about


UserId = Annotated[str, Depends(_user_id)]
"""The user whom a request is about: named, or the key's own."""
PageSize = Annotated[int, Query(ge=0, le=1000, description="Rows at the most; 0 leaves it to the service.")]
PageToken = Annotated[str, Query(max_length=2048, description="`next_page_token` of the page before.")]
IdempotencyKey = Annotated[
    str, Header(max_length=128, description="The same key and body give the same result once.")
]
