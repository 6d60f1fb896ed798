"""The service's commands: what they refuse, and the loop from a decision to a folder that train reads."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from goodsight.cli import app
from goodsight.errors import GoodsightError
from goodsight.flow.training import Training
from goodsight.serve.app import serve
from goodsight.serve.service import Settings
from goodsight.store import Checked, Store


def _run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app.app, [str(a) for a in arguments])
    if isinstance(done.exception, GoodsightError):
        return 2, done.stdout, str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def test_a_token_is_shown_once_and_its_file_has_the_hash() -> None:
    code, out, err = _run("token", "--name", "shop", "--role", "review")
    token = err.split(": ")[1].strip()
    entry = tomllib.loads(out)["tokens"]["shop"]
    assert (code, entry["role"]) == (0, "review")
    assert token not in out
    assert len(entry["sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["token", "--name", "a b"], "letters, digits"),
        (["token", "--name", "a", "--role", "boss"], "role 'boss' is not one of check, review, admin"),
        (["serve", "nowhere"], "not a model folder"),
        (["serve", "a b=nowhere"], "must be letters, digits"),
        (["serve", "x=nowhere", "x=other"], "a model called x is given already"),
        (["serve", "nowhere", "--tokens", "nothing.toml"], "nothing.toml: cannot be read"),
        (["serve", "nowhere", "--proxy", "nginx"], "`proxy`: 'nginx' does not appear to be an IPv4 or IPv6 address"),
        (["serve", "nowhere", "--allow-host", "a.example,http://b"], "`allow_host` 'http://b': must be a host name"),
        (["block", "--data", "nothing"], "nothing: there is no such folder"),
        (["reviews", "export", "--out", "out", "--data", "nothing"], "nothing: there is no such folder"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = _run(*arguments)
    assert code == 2
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_other_machines_are_let_in_with_tokens_only(trained: Training, tmp_path: Path) -> None:
    with pytest.raises(GoodsightError, match=r"`host` 0\.0\.0\.0: other machines .* `tokens`"):
        serve(Settings({"m": trained.folder}, tmp_path), "0.0.0.0", 0)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="fastapi")

    monkeypatch.setattr("importlib.import_module", fail)
    code, _, err = _run("serve", "model")
    assert (code, err) == (2, "the service needs fastapi: install it with `pip install 'goodsight[serve]'`")


def test_decisions_become_a_folder_that_train_reads(sound: dict[str, list[Path]], tmp_path: Path) -> None:
    store = Store.open("", tmp_path / "data")
    photos = [(kind, path) for kind in ("bag", "mug") for path in sound[kind][:12]]
    for number, (kind, path) in enumerate(photos):
        sha256 = store.keep_photo(path.read_bytes())
        probabilities = {"bag": 0.5, "mug": 0.5}
        said = Checked(f"c{number}", 1.0, "m", "i", sha256, kind, "bag", 0.5, 0.5, "unsure", "", probabilities, "shop")
        store.add_checks([replace(said, seller=("ann", "bob", "cid", "")[number % 4])])
    while (review := store.queue.claim("ann")) is not None:
        store.queue.decide(review.checked.id, "ann", review.checked.declared)
    store.close()
    code, out, _ = _run("reviews", "export", "--out", tmp_path / "corrections", "--data", tmp_path / "data")
    assert code == 0
    assert "labelled=24" in out
    options = ("--budget", "0", "--group", "group")
    code, out, err = _run("train", tmp_path / "corrections", "--out", tmp_path / "model", *options)
    assert code == 0, err
    assert "photos from elsewhere" in out
    assert (tmp_path / "model" / "test.csv").exists()


def test_photos_are_blocked_listed_and_let_in_again(tmp_path: Path) -> None:
    photo, data = tmp_path / "stolen.png", tmp_path / "data"
    Image.new("RGB", (80, 60), (200, 40, 40)).save(photo)
    data.mkdir()
    code, out, _ = _run("block", photo, "--reason", "reported", "--data", data)
    assert code == 0
    assert out.strip().endswith("stolen.png  reported")
    assert _run("block", "--data", data)[1] == out
    code, _, err = _run("block", photo, "--data", data)
    assert code == 2
    assert "`reason`: say why" in err
    code, _, err = _run("block", tmp_path / "none.jpg", "--reason", "x", "--data", data)
    assert code == 2
    assert "give a photo that can be read" in err
    assert _run("block", "--remove", out.split()[0], "--data", data)[:2] == (0, "")
    code, _, err = _run("block", "--remove", "99", "--data", data)
    assert code == 2
    assert "`remove` 99: there is no such number" in err
