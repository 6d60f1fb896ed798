"""The whole audit on drawn photos: every planted fault is found, nothing is changed, and a ledger is honoured."""

import csv
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import demo
import drawn
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import goodsight
from goodsight import Labels
from goodsight.auditing import looks
from goodsight.auditing.findings import KINDS, Audit
from goodsight.auditing.looks import Looks
from goodsight.catalog import ledger
from goodsight.catalog.rows import Row
from goodsight.cli.app import app
from goodsight.embedding import filed, neighbours
from goodsight.errors import CatalogError, FolderExistsError, GoodsightError
from goodsight.flow import audits
from goodsight.photos.limits import Limits
from goodsight.progress import Progress


def _hashes(root: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def folder(drawn_photos: Path, planted: list[drawn.Planted], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audited") / "photos"
    shutil.copytree(drawn_photos, root)
    return root


@pytest.fixture(scope="module")
def faults(folder: Path, planted: list[drawn.Planted]) -> list[drawn.Planted]:
    return [*planted, *drawn.spoil_folder(folder, faults=3)]


@pytest.fixture(scope="module")
def audit(folder: Path, faults: list[drawn.Planted]) -> Audit:
    before = _hashes(folder)
    found = goodsight.audit(folder, folder.parent / "audit")
    assert _hashes(folder) == before
    return found


@pytest.mark.parametrize(
    "fault", ["truncated", "byte twin", "near twin", "mirrored", "two labels", "wrong label", "off-topic"]
)
def test_each_planted_fault_is_found(fault: str, audit: Audit, faults: list[drawn.Planted]) -> None:
    names = {f.row.file_name for f in audit.of(demo.FINDINGS[fault])}
    mine = [f for f in faults if f.fault == fault]
    assert sum(f.file_name in names or f.of in names for f in mine) >= 2, (fault, names)


def test_wrong_and_foreign_photos_are_first_in_the_review(audit: Audit, faults: list[drawn.Planted]) -> None:
    wrong = {f.file_name for f in faults if f.fault in {"wrong label", "off-topic"}}
    first = [s.row.file_name for s in audit.review[:20]]
    assert len(wrong & set(first)) >= 5
    chances = [s.chance for s in audit.review]
    assert chances == sorted(chances, reverse=True)
    odd = {"wrong label", "off-topic", "two labels", "blurry", "dark", "overexposed", "nearly empty", "tiny"}
    count = sum(f.fault in odd for f in faults)
    assert 0.4 * count < audit.expected(len(chances)) < 2 * count


def test_a_wrong_label_comes_with_the_right_one(audit: Audit, faults: list[drawn.Planted]) -> None:
    truth = {f.file_name: f.of for f in faults if f.fault == "wrong label"}
    said = {f.row.file_name: f.label for f in audit.of("mislabelled")}
    assert sum(said.get(name) == true for name, true in truth.items()) >= 2


def test_sound_photos_are_left_alone(audit: Audit, faults: list[drawn.Planted]) -> None:
    touched = {f.file_name for f in faults} | {f.of for f in faults}
    for kind in KINDS:
        wrong = [f for f in audit.of(kind) if f.row.file_name not in touched]
        assert len(wrong) <= 6, (kind, [f.row.file_name for f in wrong])


def test_every_photo_has_a_reason(audit: Audit) -> None:
    assert audit.worth()
    assert all(reason for suspect in audit.review for reason in suspect.reasons or ("",))


def test_of_many_photos_what_is_in_files_and_found_through_an_index_is_the_same(
    folder: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(filed, "HELD", 20)
    monkeypatch.setattr(looks, "HELD", 20)
    monkeypatch.setattr(neighbours, "MANY", 20)
    steps: dict[str, tuple[int, int]] = {}

    def progress(step: str, done: int, total: int, note: str = "", /) -> None:
        steps[step] = (done, total)

    again = goodsight.audit(folder, work=goodsight.Work(progress=progress))
    assert all(done == total for done, total in steps.values())
    assert {"find near photos", "lay pairs over each other", "doubt the labels"} <= set(steps)
    (note,) = (said for name, said in again.notes if name == "near photos")
    assert note.startswith("found through an index, 100.0% of them")
    for kind in KINDS:
        one, other = ({f.row.file_name for f in found.of(kind)} for found in (audit, again))
        assert len(one ^ other) <= 1, kind
    chances = {suspect.row.file_name: suspect.chance for suspect in audit.review}
    assert max(abs(suspect.chance - chances[suspect.row.file_name]) for suspect in again.review) < 0.1


@pytest.fixture
def diverse(sound: dict[str, list[Path]], tmp_path: Path) -> Path:
    """Two labels of two kinds each, six photos of a kind, all right."""
    for label, kinds in {"left": ("mug", "shoe"), "right": ("lamp", "bag")}.items():
        (tmp_path / "photos" / label).mkdir(parents=True)
        for kind in kinds:
            for path in sound[kind][:6]:
                shutil.copyfile(path, tmp_path / "photos" / label / f"{kind}-{path.name}")
    return tmp_path / "photos"


@pytest.mark.parametrize("faults", [0, 3])
def test_in_a_small_diverse_set_every_photo_has_a_reason_and_likeness_alone_makes_nobody_sure(
    diverse: Path, sound: dict[str, list[Path]], faults: int
) -> None:
    rng = np.random.default_rng(0)
    for number in range(faults):
        drawn.draw_off_topic(rng).save(diverse / "left" / f"odd-{number}.jpg")
        shutil.copyfile(sound["lamp"][6 + number], diverse / "left" / f"swapped-{number}.jpg")
    found = goodsight.audit(diverse)
    about: dict[str, set[str]] = {}
    for finding in found.findings:
        about.setdefault(finding.row.file_name, set()).add(finding.kind)
    for suspect in found.review:
        said, kinds = "; ".join(suspect.reasons), about.get(suspect.row.file_name, set())
        assert all(suspect.reasons), suspect
        assert suspect.reasons, suspect
        if suspect.chance <= 0.5:
            assert "off-topic" not in said, suspect
            assert "%)" not in said, suspect
        if suspect.chance >= 0.2 and not kinds & {"off-topic", "mislabelled", "twins with different labels"}:
            assert any(reason.startswith(("unusual", "a little unusual", "unlike")) for reason in suspect.reasons), (
                suspect
            )
        if "mislabelled" not in kinds:
            assert suspect.chance < 0.9, suspect
    if faults:
        assert found.worth() >= 3
    else:
        assert found.expected(len(found.review)) < 1.5


def test_in_a_clean_set_nothing_is_expected(sound: dict[str, list[Path]], tmp_path: Path) -> None:
    for kind in ("mug", "shoe", "lamp"):
        (tmp_path / kind).mkdir()
        for path in sound[kind][:12]:
            shutil.copyfile(path, tmp_path / kind / path.name)
    assert goodsight.audit(tmp_path).expected(36) < 1.5


def test_an_odd_photo_is_said_to_be_unusual_for_its_label(sound: dict[str, list[Path]], tmp_path: Path) -> None:
    (tmp_path / "mug").mkdir()
    for path in sound["mug"][:12]:
        shutil.copyfile(path, tmp_path / "mug" / path.name)
    said = [reason for suspect in goodsight.audit(tmp_path).review for reason in suspect.reasons]
    assert any(reason.startswith("unusual for mug: likeness 0.") for reason in said)
    assert any(reason.startswith("a little unusual for mug: likeness 0.") for reason in said)
    assert not all("unusual for mug" in reason for reason in said)


def test_the_larger_of_two_twins_stays(sound: dict[str, list[Path]], tmp_path: Path) -> None:
    (tmp_path / "mug").mkdir()
    for path in sound["mug"][:6]:
        shutil.copyfile(path, tmp_path / "mug" / path.name)
    big = Image.open(sound["mug"][0]).resize((1500, 1500), Image.Resampling.BICUBIC)
    big.save(tmp_path / "mug" / "a-big.jpg", quality=95)
    (finding,) = goodsight.audit(tmp_path).of("near twin")
    assert finding.row.path.name == sound["mug"][0].name
    assert finding.other
    assert finding.other.path.name == "a-big.jpg"


def test_what_a_person_kept_is_not_found_again(audit: Audit, folder: Path, tmp_path: Path) -> None:
    first = audit.review[0]
    with (tmp_path / "ledger.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(ledger.COLUMNS)
        writer.writerow([first.row.file_name, first.sha256, "keep", "", "", "", "2026-01-01T00:00:00Z"])
        writer.writerow(["mug/gone.jpg", "0" * 64, "drop", "", "", "", "2026-01-01T00:00:00Z"])
    again = goodsight.audit(folder, labels=Labels(ledger=tmp_path / "ledger.csv"))
    assert first.row.file_name not in {f.row.file_name for f in again.findings}
    assert next(s for s in again.review if s.row.file_name == first.row.file_name).chance == 0
    assert again.ledger
    assert dict(again.ledger.absent).keys() == {"mug/gone.jpg"}


def test_a_file_under_two_labels_is_judged(sound: dict[str, list[Path]], tmp_path: Path) -> None:
    for kind in ("mug", "shoe"):
        (tmp_path / kind).mkdir()
        shutil.copyfile(sound["mug"][0], tmp_path / kind / "one.jpg")
    found = goodsight.audit(tmp_path)
    assert len(found.of("twins with different labels")) == 2
    assert [s.chance for s in found.review] == [0.5, 0.5]
    assert [f.suggestion for f in found.of("exact twin")] == ["look"]


def test_a_photo_that_vanishes_meanwhile_is_unreadable(
    sound: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mug").mkdir()
    for path in sound["mug"][:6]:
        shutil.copyfile(path, tmp_path / "mug" / path.name)
    gone = tmp_path / "mug" / sound["mug"][0].name

    def look(rows: Sequence[Row], limits: Limits, progress: Progress) -> Looks:
        gone.unlink()
        return looks.look(rows, limits, progress)

    monkeypatch.setattr(audits, "look", look)
    found = goodsight.audit(tmp_path)
    assert [(f.kind, f.row.path) for f in found.findings] == [("unreadable", gone)]


def test_the_report_does_not_go_among_the_photos(folder: Path) -> None:
    with pytest.raises(GoodsightError, match="lies in the folder of the photos"):
        goodsight.audit(folder, folder / "audit")


def test_findings_are_in_the_order_of_the_report(audit: Audit) -> None:
    kinds = [finding.kind for finding in audit.findings]
    assert sorted(kinds, key=list(KINDS).index) == kinds
    assert all(0 <= finding.score <= 1 for finding in audit.findings)


def test_decisions_are_honoured_by_the_next_audit(audit: Audit, folder: Path, tmp_path: Path) -> None:
    first, finding = audit.review[0], audit.of("mislabelled")[0]
    lines = [[first.row.file_name, first.sha256, "drop", "", "", "", "2026-01-01T00:00:00Z"]]
    digest = next(s.sha256 for s in audit.review if s.row.file_name == finding.row.file_name)
    if finding.row.file_name != first.row.file_name:
        lines.append([finding.row.file_name, digest, "relabel", finding.label, "", "", "2026-01-01T00:00:00Z"])
    with (tmp_path / "ledger.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(ledger.COLUMNS)
        writer.writerows(lines)
    again = goodsight.audit(folder, labels=Labels(ledger=tmp_path / "ledger.csv"))
    assert first.row.file_name not in {s.row.file_name for s in again.review}
    assert dict(again.left_out)[first.row.file_name].startswith("dropped by the ledger")
    assert finding.row.file_name not in {f.row.file_name for f in again.of("mislabelled")}


def test_one_label_is_enough(sound: dict[str, list[Path]], lay: object, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    (root / "mug").mkdir(parents=True)
    for path in sound["mug"][:8]:
        shutil.copyfile(path, root / "mug" / path.name)
    found = goodsight.audit(root)
    assert len(found.review) == 8
    assert found.findings == ()


def test_two_photos_of_two_labels_can_be_audited(sound: dict[str, list[Path]], tmp_path: Path) -> None:
    for kind in ("mug", "shoe"):
        (tmp_path / kind).mkdir()
        shutil.copyfile(sound[kind][0], tmp_path / kind / "one.jpg")
    found = goodsight.audit(tmp_path)
    assert found.findings == ()
    assert [s.chance < 0.01 for s in found.review] == [True, True]


def test_no_usable_photo_is_an_error_with_the_first_reason(tmp_path: Path) -> None:
    (tmp_path / "mug").mkdir()
    (tmp_path / "mug" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(CatalogError, match=r"none of 1 photos can be used; the first: not a picture"):
        goodsight.audit(tmp_path)


def test_a_folder_that_is_there_is_refused_before_any_work(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(FolderExistsError, match="`force`"):
        goodsight.audit(folder, tmp_path / "mine")


def test_the_command_says_where_to_look(folder: Path, audit: Audit, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["audit", str(folder), "--out", str(tmp_path / "audit")])
    assert done.exit_code == 0, done.output
    assert f"look at the first {audit.worth()} of review.csv, expect about" in done.output
    assert f"mislabelled: {len(audit.of('mislabelled'))}" in done.output
    assert {p.name for p in (tmp_path / "audit").iterdir()} >= {"report.html", "review.csv", "findings.csv"}


def test_the_command_says_when_nothing_stands_out(sound: dict[str, list[Path]], tmp_path: Path) -> None:
    (tmp_path / "photos" / "mug").mkdir(parents=True)
    for path in sound["mug"][:8]:
        shutil.copyfile(path, tmp_path / "photos" / "mug" / path.name)
    done = CliRunner().invoke(app, ["audit", str(tmp_path / "photos"), "--out", str(tmp_path / "audit")])
    assert done.exit_code == 0, done.output
    assert "8 photos: no label and no topic stands out as wrong" in done.output
