"""inspect, overview, set, compare and promote."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from goodsight.flow.training import Training

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
Run = Callable[..., tuple[int, str, str]]


def test_inspect_prints_what_is_in_a_model(run: Run, trained: Training, tmp_path: Path) -> None:
    code, said, _ = run("inspect", trained.folder)
    assert code == 0
    assert said.startswith(f"{trained.folder}: sound: ")
    assert "classes: bag, lamp, mug, shoe\n" in said
    assert "network: lite0, 224 px\n" in said
    assert "trained on: 172 photos of drawn\n" in said
    code, _, err = run("inspect", tmp_path)
    assert code == 2
    assert err == (
        f"goodsight: {tmp_path}: not a model folder (there is no model.json); make one with `goodsight train`\n"
    )


def test_a_candidate_is_compared_on_photos_that_are_named(
    run: Run, trained: Training, sound: Sound, lay: Lay, tmp_path: Path
) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:2]})
    code, _, err = run("promote", trained.folder, "--over", trained.folder)
    assert code == 2
    assert err.endswith("was trained without test or validation photos; give some with --photos\n")
    code, _, err = run("promote", trained.folder, "--over", trained.folder, "--photos", photos)
    assert code == 2
    assert err.endswith(
        "0 photos are left to compare on, of those that are good and have no twin in a training; "
        "at least 10 are needed: give more with --photos\n"
    )
    code, _, err = run("promote", trained.folder, "--over", trained.folder, "--label", "colour")
    assert code == 2
    assert err.endswith("--label, --attributes, --tags and --group are about --photos; give it as well\n")


def test_overview_says_where_the_page_is(run: Run, trained: Training) -> None:
    code, said, err = run("overview", trained.folder.parent)
    assert code == 0, err
    page = trained.folder.parent / "index.html"
    assert said == f"overview: {page}\n"
    assert f'href="{trained.folder.name}/report.html"' in page.read_text(encoding="utf-8")
    page.unlink()


def test_set_says_what_it_changed(run: Run, trained: Training, tmp_path: Path) -> None:
    model = shutil.copytree(trained.folder, tmp_path / "model")
    code, said, err = run("set", model, "--precision", 0.9)
    assert code == 0, err
    assert said.startswith(f"{model}: wanted precision 0.9 (was 0.95)\ndecides alone from probability 0.")
    assert " photos, error among them 0." in said
    assert "(wanted precision 0.9)" in run("inspect", model)[1]
    code, _, err = run("set", model, "--precision", 0.9999)
    assert code == 2
    assert err.startswith("goodsight: --precision 0.9999: cannot be promised: ")


def test_compare_says_who_gained_and_where_the_page_is(
    run: Run, trained: Training, sound: Sound, lay: Lay, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, _, err = run("compare", trained.folder, trained.folder, "--label", "colour", "--out", out)
    assert code == 2
    assert err.endswith("are about labelled photos; give these as well\n")
    code, _, err = run("compare", trained.folder, trained.folder, "--out", out)
    assert code == 2
    assert err.endswith("was trained without test or validation photos; give labelled photos to compare on\n")
