"""`mcai migrate` and `mcai export` between files, data directories and PostgreSQL."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from mcai_cli.errors import CommandError
from mcai_cli.exporting import export_bank
from mcai_cli.importing import import_path
from mcai_cli.migrating import migrate
from mcai_cli.reading.model import ReadingRules
from tests.support.embedded_system import embedded_system

PRIVATE = {"user_id": "ada", "role": "user", "prompt": "where do I live?", "response": "In London."}
ROWS = [
    {"prompt": "what is a flumph?", "response": "A gentle creature.", "metadata": {"page": 2**53 + 1}},
    {"prompt": "what is a flumph?", "response": "A gentle creature."},
    {
        "prompt": "how tall is a krill?\u2028Really?",
        "response": 'Two "centimetres",\nor so.',
        "domain": "Sea",
    },
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "old"
    (root / "beasts").mkdir(parents=True)
    (root / "beasts" / "data.jsonl").write_text("\n".join(map(json.dumps, [*ROWS, PRIVATE])))
    (root / "beasts" / "broken.json").write_text('[{"prompt": "a"')
    return root


def exported(bank: object, to: Path, domains: Sequence[str] = ()) -> bytes:
    export_bank(str(bank), domains, to, None)
    return to.read_bytes()


def test_a_dry_run_says_what_the_real_one_does_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "bank"

    migrate(str(folder), str(target), dry_run=True, include_private=False)
    dry, told = capsys.readouterr()
    untouched = not target.exists()
    migrate(str(folder), str(target), dry_run=False, include_private=False)
    real, _ = capsys.readouterr()
    migrate(str(folder), str(target), dry_run=False, include_private=False)
    again, _ = capsys.readouterr()

    assert untouched
    plan, _, end = dry.rstrip("\n").rpartition("\n")
    assert end == "Nothing was written: this was a dry run."
    assert real.startswith(plan)
    assert "2 domains, 3 rows, 2 of them distinct: 2 new, 0 there already; 1 rejected, 1 left out." in dry
    assert "rejected beasts/broken.json" in told
    assert "left out beasts/data.jsonl:4: It is a private memory row" in told
    assert "2 added. Verified: each of the 2 examples in 2 domains" in real
    assert "0 new, 2 there already" in again
    assert "0 added. Verified" in again
    assert b"London" not in exported(target, tmp_path / "all.jsonl")


def test_private_rows_come_only_when_asked_for(folder: Path, tmp_path: Path) -> None:
    first, second, third = (str(tmp_path / name) for name in ("first", "second", "third"))

    migrate(str(folder), first, dry_run=False, include_private=True)
    migrate(first, second, dry_run=False, include_private=False)
    migrate(first, third, dry_run=False, include_private=True)

    assert b"London" in exported(first, tmp_path / "first.jsonl")
    assert b"London" not in exported(second, tmp_path / "second.jsonl")
    assert (tmp_path / "first.jsonl").read_bytes() == exported(third, tmp_path / "third.jsonl")


def test_a_bank_goes_to_postgresql_and_back_as_it_was(
    folder: Path, tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    migrate(str(folder), str(here), dry_run=False, include_private=False)

    migrate(str(here), postgres_url, dry_run=True, include_private=False)
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    migrate(str(here), postgres_url, dry_run=False, include_private=False)
    migrate(postgres_url, str(back), dry_run=False, include_private=False)

    assert tables == (0,)
    assert capsys.readouterr().out.count("2 added. Verified") == 3
    everything = exported(here, tmp_path / "here.jsonl")
    assert everything == exported(postgres_url, tmp_path / "there.jsonl")
    assert everything == exported(back, tmp_path / "back.jsonl")


def test_what_is_no_source_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.txt").write_text("nothing of use\n")

    for name, sentence in (("empty", "holds no file"), ("words", "nothing to migrate"), ("none", "no")):
        with pytest.raises(CommandError, match=sentence):
            migrate(str(tmp_path / name), str(tmp_path / "bank"), dry_run=False, include_private=False)
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_what_is_exported_and_imported_is_exported_the_same(
    folder: Path, tmp_path: Path, postgres_url: str, ending: str
) -> None:
    migrate(str(folder), str(tmp_path / "bank"), dry_run=False, include_private=False)
    file = tmp_path / f"bank.{ending}"
    first = exported(tmp_path / "bank", file)

    for number, other in enumerate([str(tmp_path / "other"), postgres_url]):
        import_path(file, rules=ReadingRules(), to=other, rejects=None)
        second = exported(other, tmp_path / f"again-{number}.{ending}", ["Sea", "beasts"])
        assert second == first


def test_an_export_comes_through_a_running_gateway(tmp_path: Path) -> None:
    async def through_it() -> None:
        async with embedded_system(tmp_path / "data") as system:
            await asyncio.to_thread(export_bank, system.url, ["mcai"], tmp_path / "far.jsonl", None)

    asyncio.run(through_it())

    assert (tmp_path / "far.jsonl").read_bytes() == exported(
        tmp_path / "data", tmp_path / "near.jsonl", ["mcai"]
    )


def test_an_export_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "bank.jsonl"
    file.write_text("precious")

    with pytest.raises(CommandError, match="no data directory"):
        export_bank(str(tmp_path / "none"), (), file, None)

    assert file.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.data
def test_the_legacy_tree_migrates_with_its_documented_counts_twice(
    public_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = str(public_data / "legacy" / "tree")

    migrate(tree, str(tmp_path / "bank"), dry_run=False, include_private=False)
    migrate(tree, str(tmp_path / "bank"), dry_run=False, include_private=False)

    output = capsys.readouterr().out
    assert "32 domains, 1,224 rows, 1,064 of them distinct: 1,064 new, 0 there already" in output
    assert "32 domains, 1,224 rows, 1,064 of them distinct: 0 new, 1,064 there already" in output
    assert output.count("Verified") == 2
