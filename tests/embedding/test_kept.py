"""What the cache holds is shown by network, and pruning removes whole files of what was asked for, and nothing else."""

import os
import time
from pathlib import Path

import pytest
from numbered import fill, found, opened
from typer.testing import CliRunner

from goodsight.cli.app import app
from goodsight.embedding import kept, records
from goodsight.embedding.cache import ABOUT, embeddings_folder
from goodsight.errors import GoodsightError

DAY = 86400


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten photos of a network in two files, one used ten days ago, the other now; five of another, and a stranger."""
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(records, "FULL", 1000)
    fill(opened(), *range(6))
    age(next(embeddings_folder().rglob("*.records")), 10)
    fill(opened(), *range(6, 10))
    fill(opened("other"), *range(100, 105))
    other = next(one.folder for one in kept.kept() if one.network == "other")
    age(next(other.glob("*.records")), 5)
    (embeddings_folder() / "mine").mkdir()
    (embeddings_folder() / "mine" / "letter.records").write_text("dear")
    return embeddings_folder()


def age(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * DAY,) * 2)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["cache", *arguments])
    return done.exit_code, done.output + (str(done.exception) if done.exit_code else "")


def test_each_network_is_shown_with_its_photos_and_bytes(folder: Path) -> None:
    tiny, other = sorted(kept.kept(), key=lambda one: -one.photos)
    assert (tiny.network, tiny.photos, other.network, other.photos) == ("tiny", 10, "other", 5)
    assert tiny.details == "32 px, none f32"
    assert tiny.size == sum(path.stat().st_size for path in tiny.folder.glob("*.records"))
    code, out = run()
    assert code == 0
    assert str(folder) in out
    assert "tiny: 10 photos, 0.0 MB, last used 20" in out


def test_reading_is_a_use(folder: Path) -> None:
    for path in folder.rglob("*.records"):
        age(path, 100)
    assert found(opened(), 6) == list(range(6))
    assert sorted(each.photos for each in kept.prune(older=90)) == [4, 5]
    assert found(opened(), 110) == list(range(6))


def test_old_files_go_and_the_rest_is_found() -> None:
    (gone,) = kept.prune(older=7)
    assert (gone.network, gone.photos, gone.busy) == ("tiny", 6, 0)
    assert found(opened(), 10) == [6, 7, 8, 9]
    assert found(opened("other"), 110) == list(range(100, 105))
    assert kept.prune(older=7) == ()


def test_a_network_goes_wholly_and_others_stay(folder: Path) -> None:
    (gone,) = kept.prune(["tiny"])
    assert gone.photos == 10
    assert [one.network for one in kept.kept()] == ["other"]
    assert len(list(folder.iterdir())) == 2
    assert (folder / "mine" / "letter.records").read_text() == "dear"
    assert found(opened(), 10) == []
    assert found(fill(opened(), 3), 10) == [3]


def test_the_least_recently_used_go_until_so_much_is_left() -> None:
    total = sum(one.size for one in kept.kept())
    assert kept.prune(at_most=total) == ()
    (gone,) = kept.prune(at_most=total - 1)
    assert gone.photos == 6
    assert sum(each.photos for each in kept.prune(at_most=0)) == 9
    assert kept.kept() == ()


def test_what_is_being_written_to_stays(folder: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = max(folder.rglob("*.records"), key=lambda path: path.stat().st_size)
    with path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        (gone,) = kept.prune(["tiny"])
    assert gone.busy == 1
    assert path.exists()


def test_what_a_killed_process_left_goes_and_a_stranger_s_file_stays(folder: Path) -> None:
    place = next(one.folder for one in kept.kept() if one.network == "tiny")
    left, mine = place / f".index.{'ab' * 16}", place / ".index.mine"
    left.write_bytes(b"half")
    mine.write_bytes(b"mine")
    kept.prune(["tiny"])
    assert left.exists()
    age(left, 2)
    age(mine, 2)
    fill(opened(), 1)
    kept.prune(["tiny"])
    assert [path.name for path in place.iterdir()] == [mine.name]


def test_embeddings_of_an_earlier_version_are_shown_and_can_go() -> None:
    place = next(one.folder for one in kept.kept() if one.network == "tiny")
    (place / ABOUT).unlink()
    assert (kept.UNKNOWN, 10) in [(one.network, one.photos) for one in kept.kept()]
    opened()
    assert {one.network for one in kept.kept()} == {"tiny", "other"}
    assert kept.prune([place.name])[0].photos == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prune"], "`prune`: nothing says what to remove"),
        (["--older", "90d"], "give `prune` as well"),
        (["--at-most", "1GB"], "give `prune` as well"),
        (["--prune", "--older", "soon"], "`older` soon: must be a number and a unit, as 90d"),
        (["--prune", "--older", "-3d"], "`older` -3d: must be"),
        (["--prune", "--older", "90"], "`older` 90: must be"),
        (["--prune", "--at-most", "10"], "`at_most` 10: must be a number and a unit, as 500MB"),
        (
            ["--prune", "tiy"],
            "network tiy: the cache has no embeddings of it; it has other, tiny. Did you mean 'tiny'?",
        ),
    ],
)
def test_nonsense_is_refused_and_removes_nothing(arguments: list[str], said: str) -> None:
    code, out = run(*arguments)
    assert code
    assert said in out
    assert sum(one.photos for one in kept.kept()) == 15
    with pytest.raises(GoodsightError, match="`older` -1"):
        kept.prune(older=-1)


def test_the_command_says_what_it_removed() -> None:
    code, out = run("tiny", "--prune", "--older", "1w")
    assert code == 0
    assert "removed tiny: 6 photos, 0.0 MB" in out
    assert "tiny: 4 photos" in out
    assert "other" not in out
    assert "nothing to remove" in run("--prune", "--at-most", "1GB")[1]
    assert "no embeddings" in run("--prune", "--at-most", "0MB")[1]
