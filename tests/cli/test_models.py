"""train, evaluate and export."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from goodsight.flow.training import Training

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
Run = Callable[..., tuple[int, str, str]]


def test_train_says_what_it_found(run: Run, sound: Sound, truncated: list[Path], lay: Lay, tmp_path: Path) -> None:
    twin = tmp_path / "twin.jpg"
    twin.write_bytes(sound["bag"][0].read_bytes())
    folder = lay(tmp_path / "in", {"bag": [*sound["bag"][:5], twin], "mug": sound["mug"][:5] + truncated[:1]})
    (folder / "stray.jpg").write_bytes(twin.read_bytes())
    out = tmp_path / "out"
    code, said, err = run("train", folder, "--out", out, "--budget", 0)
    assert code == 0, err
    assert re.search(r"^out-of-fold: accuracy [01]\.\d{4} \[[01]\.\d{4}, [01]\.\d{4}\].*\(11 photos\)$", said, re.M)
    assert "twins: 1 exact pairs" in said
    assert f"bad photos: 1\n  mug/{truncated[0].name}: truncated" in said
    assert "rows left out: 1\n  stray.jpg: lies in no class folder" in said
    assert f"model: {out}\nreport: {out / 'report.html'}" in said
    code, _, err = run("train", folder, "--out", out)
    assert code == 2
    assert err == f"goodsight: {out} is there already: choose another --out, or replace it with --force\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--size", "100"], "--size 100: lite0 takes 64 to 1024"),
        (["--precision", "1.5"], "--precision 1.5: must be between"),
        (["--max-mb", "0"], "--max-mb 0: must be above 0"),
        (["--max-megapixels", "-1"], "--max-megapixels -1: must be above 0"),
        (["--off-topic", "/nowhere"], "/nowhere: there is no such"),
        (["--spoilt", "-1"], "--spoilt -1: must be 0 or more"),
        (["--epochs", "3"], "--epochs: only for a network that is trained here"),
        (["--network", "lite0:tunde"], "--network lite0:tunde: not known; use one of lite0, "),
        (["--none-class", "no"], "--none-class: only for --network brands; leave it out with --network lite0"),
        (["--none", "x"], "--none: only for --network brands"),
        (["--label", "a,a"], "--label 'a': empty or given twice"),
    ],
)
def test_what_the_user_got_wrong_is_one_line(arguments: list[str], expected: str, run: Run, photos: Path) -> None:
    code, _, err = run("train", photos, "--out", photos.parent / "out", *arguments)
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith(f"goodsight: {expected}")
    assert "Traceback" not in err
    assert not (photos.parent / "out").exists()


def test_evaluate_writes_a_report(run: Run, trained: Training, sound: Sound, lay: Lay, tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"bag": sound["bag"][:3], "hat": sound["mug"][:1]})
    out = tmp_path / "out"
    code, said, err = run("evaluate", trained.folder, folder, "--out", out)
    assert code == 0, err
    assert "(3 photos)" in said
    assert "rows left out: 1" in said
    assert "the model has no class 'hat'" in said
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert run("evaluate", trained.folder, folder, "--out", out)[0] == 2
    assert run("evaluate", trained.folder, folder, "--out", out, "--force")[0] == 0


def test_export_says_what_it_wrote_and_what_integers_cost(
    run: Run, trained: Training, drawn_photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model.onnx"
    code, said, err = run("export", trained.folder, "--int8", drawn_photos, "--out", out)
    assert code == 0, err
    assert f"{out}: {out.stat().st_size / 1e6:.1f} MB\n" in said
    assert re.search(r"^float32: probabilities within \d\S* of the model's own on its canary photos$", said, re.M)
    assert re.search(
        r"^int8: \d+\.\d% of labels as in float32, probabilities off by 0\.\d{3} \(the worst 0\.\d{3}\), "
        r"\d+\.\d times as fast \(\d+ photos\)$",
        said,
        re.M,
    )
    code, _, err = run("export", trained.folder, "--to", "onx", "--out", out)
    assert (code, err.startswith("goodsight: --to onx: use one of onnx, openvino, web.")) == (2, True)
