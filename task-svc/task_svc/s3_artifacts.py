"""Artefacts in a bucket of S3, or of a server that speaks like it."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from servicekit.errors import ConfigurationError
from task_svc.artifacts import FsspecArtifacts, made_scratch
from task_svc.settings import S3Settings

_CONNECT_SECONDS: Final = 2.0
_READ_SECONDS: Final = 10.0
_TRIES: Final = 2


def s3_artifacts(url: str, scratch: Path, settings: S3Settings) -> FsspecArtifacts:
    """Returns the artefacts below `s3://bucket/prefix`; it connects at the first use.

    Without an access key, the credentials come from where AWS's own tools have them: the role of the
    machine, or the standard variables.

    Raises:
        ConfigurationError: The URL is malformed, or s3fs is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            f"MCAI_ARTIFACTS_URL is {url!r}; it must be s3://bucket or s3://bucket/prefix."
        )
    try:
        # Half a second and 30 MB, for those who use it.
        import botocore.exceptions  # type: ignore[import-untyped]  # noqa: PLC0415
        import s3fs  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "MCAI_ARTIFACTS_URL names a bucket and s3fs is not installed; install mcai-task-svc[s3]."
        ) from error
    secret = settings.secret_access_key
    files: Any = s3fs.S3FileSystem(
        key=settings.access_key_id,
        secret=secret.get_secret_value() if secret else None,
        endpoint_url=settings.endpoint_url,
        config_kwargs={
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
            "retries": {"total_max_attempts": 1},
        },
        # What another replica wrote or removed is seen at once.
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = _TRIES
    root = f"{parts.netloc}{parts.path}".rstrip("/")
    errors = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
    return FsspecArtifacts(files, root, made_scratch(scratch), errors)
