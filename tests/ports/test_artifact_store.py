"""One suite for every place of artefacts: a directory, and a bucket of a real S3 server."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from servicekit.errors import ConfigurationError
from task_svc.artifacts import CHUNK_BYTES, FsspecArtifacts, local_artifacts
from task_svc.errors import ArtifactCorrupt, ArtifactNotFound, StoreUnavailable
from task_svc.model import Artifact, MadeFile, Product
from task_svc.s3_artifacts import s3_artifacts
from task_svc.settings import S3Settings
from tests.support.s3_server import S3Server

# More than one block of either place.
CONTENT = bytes(range(256)) * 8192
LATER = time.time() + 1e6


@dataclass
class Place:
    """A place and a way around its front door."""

    artifacts: FsspecArtifacts
    scratch: Path

    def names(self) -> list[str]:
        """All that is there."""
        return [name for name in self._files.find(self._root) if "/scratch/" not in name]

    def damage(self, artifact: Artifact, content: bytes) -> None:
        """Writes other bytes under an artefact's name."""
        self._files.pipe_file(f"{self._root}/{artifact.sha256[:2]}/{artifact.sha256}", content)

    @property
    def _files(self) -> Any:
        return self.artifacts._files

    @property
    def _root(self) -> str:
        return self.artifacts._root


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    root = tmp_path / "artifacts"
    if request.param == "local":
        return Place(local_artifacts(root), root / "scratch")
    server: S3Server = request.getfixturevalue("s3_server")
    bucket = request.getfixturevalue("s3_bucket")
    return Place(s3_artifacts(f"s3://{bucket}/some/prefix", root, server.settings), root / "scratch")


@pytest.fixture
def artifacts(place: Place) -> FsspecArtifacts:
    return place.artifacts


async def kept(artifacts: FsspecArtifacts, content: bytes = CONTENT, name: str = "a.bin") -> Artifact:
    with artifacts.scratch() as directory:
        path = directory / "made"
        path.write_bytes(content)
        (artifact,) = await artifacts.adopt(Product((MadeFile(name, "application/x", path),)))
    return artifact


async def read(
    artifacts: FsspecArtifacts, artifact: Artifact, offset: int = 0, length: int = 0
) -> list[bytes]:
    return [piece async for piece in artifacts.read(artifact, offset, length)]


async def test_what_is_adopted_comes_back_in_pieces(artifacts: FsspecArtifacts) -> None:
    artifact = await kept(artifacts)
    assert artifact == Artifact("a.bin", "application/x", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    pieces = await read(artifacts, artifact)
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) == CHUNK_BYTES
    assert b"".join(await read(artifacts, artifact, 70_000, 10)) == CONTENT[70_000:70_010]
    assert b"".join(await read(artifacts, artifact, 1_000_000)) == CONTENT[1_000_000:]
    assert await read(artifacts, artifact, len(CONTENT)) == []


async def test_nothing_is_something(artifacts: FsspecArtifacts) -> None:
    assert await read(artifacts, await kept(artifacts, b"")) == []


async def test_equal_content_is_kept_once(place: Place) -> None:
    one, other = await kept(place.artifacts, name="one"), await kept(place.artifacts, name="other")
    assert one.sha256 == other.sha256
    assert len(place.names()) == 1


async def test_a_scratch_directory_is_gone_afterwards(place: Place) -> None:
    with place.artifacts.scratch() as directory:
        (directory / "half").write_bytes(b"x")
        (directory / "deeper").mkdir()
    assert list(place.scratch.iterdir()) == []
    assert place.names() == []


async def test_what_killed_workers_left_is_swept(place: Place) -> None:
    left = place.scratch / "left"
    left.mkdir()
    (left / "half").write_bytes(b"x")
    place.artifacts.sweep_scratch(older_than=left.stat().st_mtime - 1)
    assert left.exists()
    place.artifacts.sweep_scratch(older_than=left.stat().st_mtime + 1)
    assert not left.exists()


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"x" + CONTENT[1:], CONTENT + b"x", b""])
@pytest.mark.parametrize("offset", [0, 10])
async def test_damage_is_told_before_the_first_byte(place: Place, damage: bytes, offset: int) -> None:
    artifact = await kept(place.artifacts)
    assert await read(place.artifacts, artifact, offset)
    place.damage(artifact, damage)
    with pytest.raises(ArtifactCorrupt):
        await read(place.artifacts, artifact, offset)


async def test_a_missing_file_is_not_found(artifacts: FsspecArtifacts) -> None:
    with pytest.raises(ArtifactNotFound):
        await read(artifacts, Artifact("a", "b", 1, "ab" * 32))


@pytest.mark.parametrize("digest", ["../../etc/passwd", "ab/" * 22, "", "AB" * 32, "ab" * 31 + "\n\n"])
async def test_nothing_leads_out_of_the_root(artifacts: FsspecArtifacts, digest: str) -> None:
    with pytest.raises(ArtifactCorrupt):
        await read(artifacts, Artifact("a", "b", 1, digest))
    with pytest.raises(ArtifactCorrupt):
        await artifacts.remove(digest, LATER)


async def test_a_name_is_never_a_path(place: Place, tmp_path: Path) -> None:
    artifact = await kept(place.artifacts, name="../../escaped")
    assert not (tmp_path.parent / "escaped").exists()
    assert [name.rpartition("/")[2] for name in place.names()] == [artifact.sha256]


async def test_only_what_is_old_is_found_and_removed(place: Place) -> None:
    artifact = await kept(place.artifacts)
    assert await place.artifacts.unchanged_since(time.time() - 60) == frozenset()
    assert await place.artifacts.unchanged_since(LATER) == {artifact.sha256}
    assert not await place.artifacts.remove(artifact.sha256, time.time() - 60)
    assert await read(place.artifacts, artifact)
    assert await place.artifacts.remove(artifact.sha256, LATER)
    assert not await place.artifacts.remove(artifact.sha256, LATER)
    assert place.names() == []
    assert await place.artifacts.unchanged_since(LATER) == frozenset()


def test_an_unusable_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="MCAI_ARTIFACTS_DIR"):
        local_artifacts(tmp_path / "file")


@pytest.mark.parametrize("url", ["s3:///prefix", "gs://bucket", "bucket", "s3://bucket?x=1"])
def test_an_unusable_bucket_is_one_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="MCAI_ARTIFACTS_URL"):
        s3_artifacts(url, tmp_path, S3Settings())


async def test_a_bucket_that_is_away_is_unavailable(tmp_path: Path, s3_server: S3Server) -> None:
    nobody = s3_server.settings._replace(endpoint_url="http://127.0.0.1:9")
    for artifacts in (
        s3_artifacts("s3://bucket", tmp_path, nobody),
        s3_artifacts("s3://no-such-bucket", tmp_path, s3_server.settings),
    ):
        with pytest.raises((StoreUnavailable, ArtifactNotFound)):
            await read(artifacts, Artifact("a", "b", 1, "ab" * 32))
        with pytest.raises(StoreUnavailable):
            await kept(artifacts)
        assert await artifacts.unchanged_since(LATER) == frozenset()
        assert not await artifacts.remove("ab" * 32, LATER)
