"""Keys of the HTTP front over gRPC: proto to model and back."""

from typing import Any

import grpc

from dataset_svc.key_service import KeyService
from dataset_svc.model import ApiKey
from dataset_svc.wire import timestamp
from mcai.dataset.v1 import key_pb2, key_pb2_grpc
from servicekit.times import checked_seconds

Context = grpc.aio.ServicerContext[Any, Any]


class KeyServicer(key_pb2_grpc.KeyServiceServicer):
    """Translates and delegates."""

    def __init__(self, keys: KeyService) -> None:
        self._keys = keys

    async def CreateKey(
        self, request: key_pb2.CreateKeyRequest, context: Context
    ) -> key_pb2.CreateKeyResponse:
        """See the contract."""
        return key_pb2.CreateKeyResponse(key=_message(await self._keys.create(_key_of(request.key))))

    async def ListKeys(self, request: key_pb2.ListKeysRequest, context: Context) -> key_pb2.ListKeysResponse:
        """See the contract."""
        keys, token = await self._keys.list(request.page_size, request.page_token)
        return key_pb2.ListKeysResponse(keys=[_message(each) for each in keys], next_page_token=token)

    async def RevokeKey(
        self, request: key_pb2.RevokeKeyRequest, context: Context
    ) -> key_pb2.RevokeKeyResponse:
        """See the contract."""
        return key_pb2.RevokeKeyResponse(key=_message(await self._keys.revoke(request.key_id)))


def _key_of(key: key_pb2.ApiKey) -> ApiKey:
    return ApiKey(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        secret_sha256=key.secret_sha256,
        scopes=tuple(dict.fromkeys(key.scopes)),
        user_id=key.user_id,
        create_time=0.0,
        expire_time=checked_seconds("expire_time", key.expire_time) if key.HasField("expire_time") else None,
    )


def _message(key: ApiKey) -> key_pb2.ApiKey:
    return key_pb2.ApiKey(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        secret_sha256=key.secret_sha256,
        scopes=key.scopes,
        user_id=key.user_id,
        create_time=timestamp(key.create_time),
        expire_time=None if key.expire_time is None else timestamp(key.expire_time),
        revoke_time=None if key.revoke_time is None else timestamp(key.revoke_time),
    )
