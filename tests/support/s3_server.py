"""A real S3 server over HTTP, moto's, one a test session and process, with a fresh bucket for each test."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from task_svc.settings import S3Settings
from tests.support.requirements import require


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server and the keys that it takes."""

    endpoint_url: str

    @property
    def settings(self) -> S3Settings:
        """What a client has to know."""
        return S3Settings(self.endpoint_url, "test", SecretStr("test"))

    def create_bucket(self) -> str:
        """Makes an empty bucket and returns its name."""
        import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second, for those who use it

        name = f"bucket-{uuid.uuid4().hex}"
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=name)
        return name


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The session's S3."""
    try:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a machine without it skips, and says so
    except ImportError as error:
        require("s3", f"moto's server cannot be imported ({error})")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> str:
    """Name of a fresh, empty bucket."""
    return s3_server.create_bucket()
