"""Who sent a request: keys checked at the door, before any route, as pure ASGI.

`Authorization: Bearer KEY` as everywhere, or `x-api-key: KEY`. Without keys (`MCAI_AUTH=off`, or `auto` on
loopback) everybody may do everything but administer: that is for the holder of the administrator's token, or
where there is none for clients on this machine. What `auto` opens is for requests that are meant for this
machine: not for those of a proxy, nor of a page whose name was made to lead here.
"""

import hmac
from typing import Final

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import problems
from gateway.access import ADMINISTRATOR, ANYBODY, ANYBODY_HERE, Access, Principal, access_of
from gateway.addresses import is_loopback, is_meant_for_loopback
from gateway.heads import header
from gateway.keys import KeyRing
from servicekit.errors import NotFound, PermissionDenied, ServiceError, Unauthenticated

PRINCIPAL: Final = "mcai.principal"
"""Where a request's scope holds its Principal."""


class Authentication:
    """Finds out who sent a request and refuses what they may not do.

    Args:
        app: What is called inside.
        ring: The keys; None asks for none.
        admin_token: One more key that may do everything.
        only_here: Whether no key is asked for because only this machine is served.
    """

    def __init__(
        self, app: ASGIApp, ring: KeyRing | None, admin_token: SecretStr | None, *, only_here: bool
    ) -> None:
        self._app = app
        self._ring = ring
        self._only_here = only_here
        self._admin_token = admin_token.get_secret_value().encode() if admin_token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through with its Principal, or answers 401, 403 or 404."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            scope[PRINCIPAL] = await self._admitted(scope)
        except ServiceError as error:
            await problems.response_of(error, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _admitted(self, scope: Scope) -> Principal:
        access = access_of(scope["method"], scope["path"])
        principal = await self._principal(scope, needed=access is not Access.OPEN)
        if not principal.may(access):
            if access is None:
                raise NotFound(f"There is nothing at {scope['path'][:200]!r}.")
            if principal is ANYBODY and self._admin_token is not None:
                raise Unauthenticated("Send the administrator's token as `Authorization: Bearer ...`.")
            raise PermissionDenied(
                f"That needs a key with the scope {access.value!r}.",
                metadata={"scope": access.value},
            )
        return principal

    async def _principal(self, scope: Scope, *, needed: bool) -> Principal:
        secret = presented(scope)
        if secret and self._is_admin_token(secret):
            return ADMINISTRATOR
        if self._ring is None or not needed:
            if needed and self._only_here and not is_meant_for_loopback(scope):
                raise PermissionDenied(
                    "Without keys only requests for this machine's own name, `localhost`, are answered. "
                    "Start with `MCAI_AUTH=required` to serve others, or with `off` to let everybody in."
                )
            client = scope["client"]
            here = client is not None and is_loopback(client[0])
            return ANYBODY_HERE if here and self._admin_token is None else ANYBODY
        if not secret:
            raise Unauthenticated("Send a key as `Authorization: Bearer ...`; `mcai keys create` makes one.")
        return await self._ring.holder(secret)

    def _is_admin_token(self, secret: str) -> bool:
        return self._admin_token is not None and hmac.compare_digest(secret.encode(), self._admin_token)


def presented(scope: Scope) -> str:
    """Returns the key that a request shows, which may be empty."""
    scheme, _, secret = header(scope, b"authorization").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else header(scope, b"x-api-key").strip()
