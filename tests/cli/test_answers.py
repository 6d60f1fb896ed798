"""classify and check."""

import csv
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from goodsight.flow.training import Training
from goodsight.model import evidence

Sound = dict[str, list[Path]]
Run = Callable[..., tuple[int, str, str]]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _names(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def _hashes(root: Path) -> dict[str, str]:
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in _names(root)}


def test_classify_writes_a_csv(
    run: Run, trained: Training, photos: Path, truncated: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    before = _hashes(photos)
    code, said, err = run("classify", trained.folder, photos, "--out", out, "--top", 2)
    assert (code, said) == (0, "")
    assert out.read_text(encoding="utf-8").splitlines()[0] == (
        "file_name,label,probability,verdict,reason,top1_label,top1_probability,top2_label,top2_probability"
    )
    rows = _rows(out)
    assert [row["file_name"] for row in rows] == _names(photos)
    good = [row for row in rows if row["label"]]
    assert [row["label"] for row in good] == ["bag", "bag", "mug", "mug"]
    for row in good:
        assert row["top1_label"] == row["label"]
        assert row["top1_probability"] == row["probability"]
        assert 0 <= float(row["top2_probability"]) <= float(row["top1_probability"]) <= 1
        assert row["verdict"] in {"sure", "unsure", "off-topic"}
        assert bool(row["reason"]) == (row["verdict"] != "sure")
    (bad,) = [row for row in rows if not row["label"]]
    assert bad["file_name"] == f"b/{truncated[0].name}"
    assert bad["reason"].startswith("truncated")
    assert (bad["probability"], bad["verdict"], bad["top1_label"], bad["top1_probability"]) == ("", "", "", "")
    assert "4 photos: " in err
    assert "bad photos: 1" in err
    assert _hashes(photos) == before


def test_classify_without_top_has_the_plain_columns(run: Run, trained: Training, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert run("classify", trained.folder, photos, "--out", out)[0] == 0
    assert out.read_text(encoding="utf-8").splitlines()[0] == "file_name,label,probability,verdict,reason"


def test_classify_writes_json_lines_and_a_submission(run: Run, trained: Training, photos: Path, tmp_path: Path) -> None:
    lines, submission = tmp_path / "out.jsonl", tmp_path / "submission.csv"
    code, _, _ = run("classify", trained.folder, photos, "--out", lines, "--submission", submission, "--top", 9)
    assert code == 0
    records = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert [record["file_name"] for record in records] == _names(photos)
    assert list(records[0])[:5] == ["file_name", "label", "probability", "verdict", "reason"]
    assert list(records[0])[-2:] == ["top4_label", "top4_probability"]
    assert sum(records[0][f"top{i}_probability"] for i in (1, 2, 3, 4)) == pytest.approx(1, abs=1e-5)
    assert [record["probability"] is None for record in records] == [record["label"] == "" for record in records]
    rows = _rows(submission)
    assert list(rows[0]) == ["image_id", "label"]
    assert [(row["image_id"], row["label"]) for row in rows] == [(r["file_name"], r["label"]) for r in records]


def test_classify_prints_a_table_when_nothing_is_written(run: Run, trained: Training, photos: Path) -> None:
    code, said, _ = run("classify", trained.folder, photos, "--top", 1)
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == _names(photos)
    assert re.search(r" bag +[01]\.\d{3} ", said)


def test_classify_draws_pictures_elsewhere(
    run: Run, trained: Training, photos: Path, truncated: list[Path], tmp_path: Path
) -> None:
    before = _hashes(photos)
    code, _, _ = run("classify", trained.folder, photos, "--annotate", tmp_path / "drawn")
    assert code == 0
    assert _hashes(photos) == before
    (tmp_path / "drawn" / ".goodsight-annotated").unlink()
    assert _names(tmp_path / "drawn") == [name for name in _names(photos) if truncated[0].name not in name]
    for name in _names(tmp_path / "drawn"):
        with Image.open(tmp_path / "drawn" / name) as picture, Image.open(photos / name) as original:
            assert picture.height > original.height


def test_the_answer_is_explained_on_the_pictures(run: Run, trained: Training, sound: Sound, tmp_path: Path) -> None:
    photo = sound["bag"][0]
    plain, explained = tmp_path / "plain", tmp_path / "explained"
    assert run("classify", trained.folder, photo, "--annotate", plain)[0] == 0
    assert run("classify", trained.folder, photo, "--annotate", explained, "--explain")[0] == 0
    with Image.open(plain / photo.name) as one, Image.open(explained / photo.name) as two:
        assert one.size == two.size
        changed = np.abs(np.asarray(one, float) - np.asarray(two)).max(axis=2)
        height, width = changed.shape
        caption = height - 2 * max(14, width // 24)
    # The caption stays as it is, and so does most of the photo.
    assert changed[caption + 2 :].max() < 8
    assert 0.02 < (changed[:caption] > 40).mean() < 0.8


def test_an_explanation_needs_pictures_and_a_network_that_has_one(
    run: Run, trained: Training, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run("classify", trained.folder, photos, "--explain")
    assert code == 2
    assert "--explain: draws on the pictures of --annotate; give --annotate FOLDER as well" in err
    monkeypatch.setattr(evidence, "gives", lambda _: False)
    code, _, err = run("classify", trained.folder, photos, "--annotate", tmp_path / "drawn", "--explain")
    assert code == 2
    assert "--explain: the network lite0 does not say where its answers come from" in err
    assert not (tmp_path / "drawn").exists()


@pytest.mark.parametrize("inside", [".", "a", "new"])
def test_pictures_are_never_drawn_into_the_source(inside: str, run: Run, trained: Training, photos: Path) -> None:
    before = _hashes(photos)
    code, _, err = run("classify", trained.folder, photos, "--annotate", photos / inside, "--force")
    assert _hashes(photos) == before
    assert code == 2
    assert "--annotate" in err


def test_a_picture_never_replaces_the_photo_it_shows(run: Run, trained: Training, photos: Path) -> None:
    (photos / "b" / "list.csv").write_text(f"file_name\n../a/deep/{_names(photos)[0].split('/')[-1]}\n")
    before = _hashes(photos)
    code, _, _ = run("classify", trained.folder, photos / "b" / "list.csv", "--annotate", photos, "--force")
    assert code == 2
    assert _hashes(photos) == before


def test_names_are_relative_to_the_list(run: Run, trained: Training, photos: Path, tmp_path: Path) -> None:
    name = _names(photos)[0]
    (tmp_path / "list.csv").write_text(f"file_name,label\nphotos/{name},shoe\nphotos/gone.jpg,bag\n")
    code, said, _ = run("classify", trained.folder, tmp_path / "list.csv", photos / name)
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == [
        f"photos/{name}",
        "photos/gone.jpg",
        name.split("/")[-1],
    ]
    assert "unreadable" in said.splitlines()[1]


@pytest.mark.parametrize("option", ["--out", "--submission", "--annotate"])
def test_existing_output_is_kept_without_force(
    option: str, run: Run, trained: Training, photos: Path, tmp_path: Path
) -> None:
    there = tmp_path / ("there" if option == "--annotate" else "there.csv")
    if option == "--annotate":
        there.mkdir()
    else:
        there.write_text("keep me")
    code, _, err = run("classify", trained.folder, photos, option, there)
    assert code == 2
    assert f"{there} is there already" in err
    assert there.is_dir() or there.read_text() == "keep me"
    assert run("classify", trained.folder, photos, option, there, "--force")[0] == 0
    assert any(there.iterdir()) if there.is_dir() else there.read_text().startswith(("file_name,", "image_id,"))


@pytest.mark.parametrize("option", ["--explain", "--force", "--annotate"])
def test_what_a_folder_of_answers_has_no_use_for_is_refused(
    option: str, run: Run, trained: Training, photos: Path, tmp_path: Path
) -> None:
    given = [option, tmp_path / "drawn"] if option == "--annotate" else [option]
    code, _, err = run("classify", trained.folder, photos, "--out", f"{tmp_path / 'answers'}/", *given)
    assert code == 2
    assert option in err
    assert not (tmp_path / "answers").exists()


def test_another_suffix_is_refused(run: Run, trained: Training, photos: Path, tmp_path: Path) -> None:
    code, _, err = run("classify", trained.folder, photos, "--out", tmp_path / "out.xlsx")
    assert code == 2
    assert "must end in .csv, .jsonl or .parquet" in err
    assert not (tmp_path / "out.xlsx").exists()


def test_check_answers_with_its_exit_code(run: Run, trained: Training, sound: Sound, truncated: list[Path]) -> None:
    bag = sound["bag"][0]
    code, said, _ = run("check", trained.folder, bag, "--declared", "mug")
    assert code == 1
    assert said.splitlines()[0] == "mismatch: looks like bag"
    assert re.fullmatch(r"declared mug: probability 0\.\d{3}, p-value 0\.\d{3}", said.splitlines()[1])
    assert said.splitlines()[2] == "most likely: bag"
    verdicts = [run("check", trained.folder, photo, "--declared", "bag") for photo in sound["bag"][:4]]
    assert [code for code, _, _ in verdicts] == [int(said.splitlines()[0] != "match") for _, said, _ in verdicts]
    assert 0 in [code for code, _, _ in verdicts]
    code, said, err = run("check", trained.folder, truncated[0], "--declared", "bag")
    assert (code, said) == (2, "")
    assert f"goodsight: {truncated[0]}: truncated" in err
    code, _, err = run("check", trained.folder, bag, "--declared", "bagg")
    assert code == 2
    assert "Did you mean 'bag'?" in err
