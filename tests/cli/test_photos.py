"""split and ledger merge; the others have tests of their own beside what they call."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Sound = dict[str, list[Path]]
Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]
Run = Callable[..., tuple[int, str, str]]


def test_a_ledger_is_merged_and_honoured(run: Run, sound: Sound, lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:8] + sound["mug"][:2], "mug": sound["mug"][2:10]})
    head, parts = "file_name,sha256,decision,label,reason,reviewer,time", []
    for number, reviewer in enumerate(("ann", "bob")):
        name = f"bag/{sound['mug'][number].name}"
        decision = ("relabel,mug", "drop,")[number]
        digest = hashlib.sha256((photos / name).read_bytes()).hexdigest()
        row = f"{name},{digest},{decision},blurred,{reviewer},2026-01-31T12:00:00Z"
        gone = f"bag/gone.jpg,{'0' * 64},keep,,,{reviewer},2026-01-31T12:00:00Z"
        parts.append(tmp_path / f"{reviewer}.csv")
        parts[-1].write_text(f"{head}\n{row}\n{gone}\n")
    merged = tmp_path / "merged.csv"
    assert run("ledger", "merge", *parts, "--out", merged) == (0, f"{merged}: 4 rows\n", "")
    assert run("ledger", "merge", *parts, "--out", merged)[0] == 2
    apart = run("train", photos, "--out", tmp_path / "a", "--ledger", parts[0], "--ledger", parts[1], "--spoilt", 0)
    together = run("train", photos, "--out", tmp_path / "b", "--ledger", merged, "--spoilt", 0)
    for code, out, _ in (apart, together):
        assert code == 0
        assert "ledger: 1 dropped, 1 relabelled, 0 kept, 1 rows without a photo\n" in out
        assert re.search(r"ledger: accuracy \d.* -> .*, gain [+-]\d.*\(16 untouched photos, out-of-fold\)\n", out)
        assert "ledger: log loss " in out
        assert "ledger rows without a photo: 1\n  bag/gone.jpg: " in out
    code, out, err = run("train", photos, "--out", tmp_path / "c", "--ledger", tmp_path / "nowhere.csv")
    assert (code, out) == (2, "")
    assert err == f"goodsight: --ledger {tmp_path / 'nowhere.csv'}: there is no such file\n"
    code, out, _ = run("evaluate", tmp_path / "a", photos, "--ledger", merged)
    assert code == 0
    assert "ledger: 1 dropped, 1 relabelled" in out


def test_split_says_what_went_where(run: Run, sound: Sound, truncated: list[Path], lay: Lay, tmp_path: Path) -> None:
    photos = lay(tmp_path / "photos", {"bag": sound["bag"][:10] + truncated[:1], "mug": sound["mug"][:2]})
    code, out, _ = run("split", photos, "--out", tmp_path / "out", "--test", 0.2, "--seed", 3)
    assert code == 0
    assert out.startswith("train: 9 photos, validation: 1 photos, test: 2 photos\ntwins: 12 groups, none is divided\n")
    assert "classes too small for every split: 1\n  mug: none in validation and test: 2 distinct photos of 2\n" in out
    assert f"bad photos: 1\n  bag/{truncated[0].name}: truncated" in out
    assert out.endswith(f"photos: {tmp_path / 'out'}\n")
    assert run("split", photos, "--out", tmp_path / "more", "--test", 0.9)[0] == 2


def test_split_takes_labels_from_columns_and_limits_as_train_does(
    run: Run, sound: Sound, lay: Lay, tmp_path: Path
) -> None:
    lay(tmp_path / "photos", {"bag": sound["bag"][:6], "mug": sound["mug"][:6]})
    rows = [
        f"photos/{kind}/{path.name},{kind},{'new' if number % 2 else 'old'}"
        for kind in ("bag", "mug")
        for number, path in enumerate(sound[kind][:6])
    ]
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(["file_name,type,state", *rows]) + "\n", encoding="utf-8")
    code, _, err = run("split", listed, "--label", "type", "--out", tmp_path / "by-type")
    assert code == 0, err
    assert (tmp_path / "by-type" / "train" / "bag").is_dir()
    code, _, err = run("split", listed, "--label", "type", "--max-mb", 0.0001, "--out", tmp_path / "none")
    assert code == 2
    assert "too large" in err
    code, _, err = run("split", listed, "--attributes", "a", "--label", "b", "--out", tmp_path / "none")
    assert code == 2
    assert err.startswith("goodsight: --attributes takes labels from folders' names, --label from columns")
