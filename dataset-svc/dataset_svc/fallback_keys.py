"""Keys while the store is away: nothing stands in, and everything is refused at once and with a reason."""

from dataset_svc.model import ApiKey
from dataset_svc.outage import Outage
from dataset_svc.ports import Keys


class RefusedKeys:
    """ports.Keys around another one."""

    def __init__(self, keys: Keys, outage: Outage) -> None:
        self._keys = keys
        self._outage = outage

    async def create_key(self, key: ApiKey) -> ApiKey:
        """See ports.Keys."""
        return await self._outage.ask(lambda: self._keys.create_key(key))

    async def list_keys(self, after_id: str, limit: int) -> list[ApiKey]:
        """See ports.Keys."""
        return await self._outage.ask(lambda: self._keys.list_keys(after_id, limit))

    async def revoke_key(self, key_id: str, now: float) -> ApiKey:
        """See ports.Keys."""
        return await self._outage.ask(lambda: self._keys.revoke_key(key_id, now))
