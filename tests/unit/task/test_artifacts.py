"""Artefacts are found by their content, checked when they are read, and stay below their root."""

import hashlib
from pathlib import Path

import pytest

from servicekit.errors import ConfigurationError
from task_svc.artifacts import CHUNK_BYTES, FileArtifacts
from task_svc.errors import ArtifactCorrupt, ArtifactNotFound
from task_svc.model import Artifact, MadeFile, Product

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def artifacts(tmp_path: Path) -> FileArtifacts:
    return FileArtifacts(tmp_path / "artifacts")


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def kept(artifacts: FileArtifacts, content: bytes = CONTENT, name: str = "a.bin") -> Artifact:
    with artifacts.scratch() as directory:
        path = directory / "made"
        path.write_bytes(content)
        (artifact,) = await artifacts.adopt(Product((MadeFile(name, "application/x", path),)))
    return artifact


async def read(artifacts: FileArtifacts, artifact: Artifact, offset: int = 0, length: int = 0) -> list[bytes]:
    return [piece async for piece in artifacts.read(artifact, offset, length)]


async def test_what_is_adopted_comes_back_in_pieces(artifacts: FileArtifacts) -> None:
    artifact = await kept(artifacts)
    assert artifact == Artifact("a.bin", "application/x", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    pieces = await read(artifacts, artifact)
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) == CHUNK_BYTES
    assert b"".join(await read(artifacts, artifact, 70_000, 10)) == CONTENT[70_000:70_010]
    assert await read(artifacts, artifact, len(CONTENT)) == []


async def test_equal_content_is_kept_once(artifacts: FileArtifacts, tmp_path: Path) -> None:
    one, other = await kept(artifacts, name="one"), await kept(artifacts, name="other")
    assert one.sha256 == other.sha256
    assert len(files_below(tmp_path)) == 1


async def test_a_scratch_directory_is_gone_afterwards(artifacts: FileArtifacts, tmp_path: Path) -> None:
    with artifacts.scratch() as directory:
        (directory / "half").write_bytes(b"x")
        (directory / "deeper").mkdir()
    assert files_below(tmp_path) == []


async def test_what_killed_workers_left_is_swept(artifacts: FileArtifacts, tmp_path: Path) -> None:
    left = tmp_path / "artifacts" / "scratch" / "left"
    left.mkdir()
    (left / "half").write_bytes(b"x")
    artifacts.sweep_scratch(older_than=left.stat().st_mtime - 1)
    assert left.exists()
    artifacts.sweep_scratch(older_than=left.stat().st_mtime + 1)
    assert not left.exists()


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"x" + CONTENT[1:], b""])
async def test_damage_is_told_before_the_first_byte(
    artifacts: FileArtifacts, tmp_path: Path, damage: bytes
) -> None:
    artifact = await kept(artifacts)
    (tmp_path / "artifacts" / artifact.sha256[:2] / artifact.sha256).write_bytes(damage)
    with pytest.raises(ArtifactCorrupt):
        await read(artifacts, artifact)


async def test_a_missing_file_is_not_found(artifacts: FileArtifacts) -> None:
    with pytest.raises(ArtifactNotFound):
        await read(artifacts, Artifact("a", "b", 1, "ab" * 32))


@pytest.mark.parametrize("digest", ["../../etc/passwd", "ab/" * 22, "", "AB" * 32, "ab" * 31 + "\n\n"])
async def test_nothing_leads_out_of_the_root(artifacts: FileArtifacts, digest: str) -> None:
    with pytest.raises(ArtifactCorrupt):
        await read(artifacts, Artifact("a", "b", 1, digest))


async def test_a_name_is_never_a_path(artifacts: FileArtifacts, tmp_path: Path) -> None:
    await kept(artifacts, name="../../escaped")
    assert not (tmp_path.parent / "escaped").exists()


def test_an_unusable_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="MCAI_ARTIFACTS_DIR"):
        FileArtifacts(tmp_path / "file")
