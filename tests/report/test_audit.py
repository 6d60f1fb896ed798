"""The files of an audit: tables that can be read back, a page that loads nothing and lets nothing break out of it."""

import csv
import hashlib
import html
import json
import os
import re
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import drawn
import numpy as np
from here import here
from hostile_names import HOSTILE, NAMES, QUOTED, planted

from goodsight.auditing.findings import KINDS, Audit, Finding, Suspect
from goodsight.catalog.rows import LABEL, Row
from goodsight.files import read_records
from goodsight.report import audit as report


def _rows(path: Path) -> list[dict[str, str]]:
    assert b"\r\n" not in path.read_bytes()
    return [row for _, row in read_records(path, errors="strict")]


def _page(folder: Path, audit: Audit) -> str:
    report.write(folder, audit)
    return (folder / "report.html").read_bytes().decode()


def _data(text: str) -> Any:
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script', text)
    assert len(found) == 1
    return json.loads(found[0])


def test_every_hostile_name_survives_the_tables(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    report.write(tmp_path, audit)
    review = _rows(tmp_path / "review.csv")
    assert list(review[0]) == ["file_name", "rank", "chance", "label", "reasons"]
    assert [row["file_name"] for row in review] == [*NAMES]
    assert [row["rank"] for row in review] == [str(i) for i in range(1, 9)]
    assert review[2] | {"reasons": ""} == {
        "file_name": NAMES[2], "rank": "3", "chance": "0.3000", "label": HOSTILE, "reasons": "",
    }  # fmt: skip
    assert review[0]["reasons"] == f"reason 0; {QUOTED}"
    assert os.fsencode(NAMES[4]) == b"odd \xff\x80 bytes.jpg"
    assert "\nodd \\udcff\\udc80 bytes.jpg," in (tmp_path / "review.csv").read_text(encoding="utf-8")


def test_findings_are_told_with_their_twins_and_labels(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    report.write(tmp_path, audit)
    rows = _rows(tmp_path / "findings.csv")
    assert ",".join(rows[0]) == "file_name,finding,score,label,evidence,suggestion,suggested_label,twin,attribute"
    assert len(rows) == 5
    assert rows[0]["file_name"] == "broken.jpg"
    assert (rows[1]["file_name"], rows[1]["twin"]) == (HOSTILE, NAMES[2])
    assert (rows[3]["suggestion"], rows[3]["suggested_label"], rows[3]["score"]) == ("relabel", "bag", "0.0500")


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    report.write(tmp_path, planted(tmp_path))
    with (tmp_path / "findings.csv").open(newline="") as findings, (tmp_path / "review.csv").open(newline="") as review:
        assert list(csv.DictReader(findings))[3]["evidence"] == "'=looks like a bag"
        assert list(csv.DictReader(review))[6]["file_name"] == "'=cmd()"
    assert _rows(tmp_path / "review.csv")[6]["file_name"] == "=cmd()"


def test_metrics_are_the_numbers_of_the_audit(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    report.write(tmp_path, audit)
    said = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert said["photos"] == 8
    assert said["findings"] == dict.fromkeys(KINDS, 0) | {"unreadable": 1, "near twin": 2, "mislabelled": 1, "dark": 1}
    assert list(said["expected_faults"]) == ["20", "50", "100", "200", "500"]
    assert said["expected_faults"]["20"] == round(sum(0.9 / (i + 1) for i in range(8)), 3)
    assert said["worth_a_look"] == 4
    assert said["seconds"] == {"embed": 1.25}
    assert said["left_out"] == [["no_label.jpg", "no label"]]


def test_nothing_breaks_out_of_the_page_and_nothing_is_loaded(tmp_path: Path) -> None:
    text = _page(tmp_path, planted(tmp_path))
    assert len(re.findall(r"<script", text)) == len(re.findall(r"</script", text)) == 2
    assert "alert(1)</script>" not in text
    for forbidden in ("http://", "https://", "<link", "@import", "url(", 'onerror="', "<iframe", "style="):
        assert forbidden not in text.replace("policy", "")
    assert {s[:5] for s in re.findall(r'\bsrc="?([^"]*)', text)} == {"data:"}
    assert {s[:1] for s in re.findall(r'\bhref="?([^"]*)', text)} == {"#"}
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|labelledby=")([^"]+)', text)) <= set(ids)


def test_the_policy_allows_this_script_and_this_style_only(tmp_path: Path) -> None:
    text = _page(tmp_path, planted(tmp_path))
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert found
    policy = html.unescape(found[1])
    for part, allowed in (("<style>(.*?)</style>", "style"), ('<script type="module">(.*?)</script>', "script")):
        (content,) = re.findall(part, text, re.DOTALL)
        assert f"{allowed}-src 'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_data_keep_every_name(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    data = _data(_page(tmp_path, audit))
    assert [photo["file_name"] for photo in data["photos"]] == list(NAMES)
    assert [photo["sha256"] for photo in data["photos"]] == [suspect.sha256 for suspect in audit.review]
    assert [photo["suggested"] for photo in data["photos"]] == ["", "bag", "", "", "", "", "", ""]
    assert data["classes"] == [{"attribute": "", "label": name, "said": name} for name in audit.classes[LABEL]]


def test_the_headline_says_how_many_and_what_to_expect(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    assert "<h1>Look at these 4 photos; expect about 2 faults</h1>" in _page(tmp_path, audit)
    one = replace(audit, review=audit.review[:1])
    assert "<h1>Look at this photo; expect about 1 fault</h1>" in _page(tmp_path, one)
    calm = replace(audit, review=tuple(replace(s, chance=0.01) for s in audit.review))
    assert "<h1>No photo stands out; expect less than one fault among all</h1>" in _page(tmp_path, calm)


def test_a_pair_is_shown_once_and_the_broken_photo_in_a_table(tmp_path: Path) -> None:
    text = _page(tmp_path, planted(tmp_path))
    assert text.count('<li class="pair">') == 1
    assert '<th scope="row"><bdi>broken.jpg</bdi></th>' in text
    assert '<h2 id="kind-1">Near twin</h2>' in text
    assert "Blurry" not in text
    assert "No_label" not in text
    assert "<bdi>no_label.jpg</bdi>: no label" in text


def test_a_photo_that_vanished_shows_why_and_can_still_be_decided(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    assert "no such file" not in _page(tmp_path, audit)
    here(audit.review[1].row).unlink()
    text = _page(tmp_path, audit)
    assert text.count("unreadable: no such file") == 2  # where to look first, and among the mislabelled
    assert len(_data(text)["photos"]) == 8


def test_a_finding_without_a_hash_cannot_be_decided(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    text = _page(tmp_path, replace(audit, review=audit.review[1:]))
    assert text.count("it has no sha256 to tie a decision to") == 2
    assert len(_data(text)["photos"]) == 7


def test_an_audit_that_found_nothing(tmp_path: Path) -> None:
    audit = replace(planted(tmp_path), findings=(), left_out=())
    text = _page(tmp_path, audit)
    assert "Nothing was found: no twins" in text
    assert "kind-1" not in text
    assert (tmp_path / "findings.csv").read_text() == (
        "file_name,finding,score,label,evidence,suggestion,suggested_label,twin,attribute\n"
    )
    empty = _page(tmp_path, replace(audit, review=(), classes={}))
    assert "<h1>No photo could be read</h1>" in empty
    assert 'id="tools"' not in empty


def test_long_galleries_are_cut_with_the_total(tmp_path: Path) -> None:
    audit = planted(tmp_path, [f"{i:03}.jpg" for i in range(8)])
    many = tuple(
        replace(audit.review[i % 8], row=replace(audit.review[i % 8].row, file_name=f"{i}.jpg")) for i in range(150)
    )
    loud = replace(audit, review=tuple(replace(suspect, chance=0.5) for suspect in many))
    dark = tuple(Finding(suspect.row, "dark", 0.1, "dark", "look") for suspect in many)
    text = _page(tmp_path, replace(loud, findings=dark))
    assert "<h1>Look at these 150 photos; expect about 75 faults</h1>" in text
    assert "and 30 more in review.csv" in text
    assert "and 90 more in findings.csv" in text
    assert text.count('<article class="card"') == 120 + 60
    assert len(_data(text)["photos"]) == 120
    assert len(_rows(tmp_path / "review.csv")) == 150
    quiet = replace(audit, review=tuple(replace(suspect, chance=0.01) for suspect in many), findings=())
    assert _page(tmp_path, quiet).count('<article class="card"') == 40


def test_81_classes(tmp_path: Path) -> None:
    classes = [f"class {i}" for i in range(81)]
    data = _data(_page(tmp_path, planted(tmp_path, classes=classes)))
    assert [choice["label"] for choice in data["classes"]] == classes


def test_the_same_photos_are_the_same_audit(tmp_path: Path) -> None:
    audit = planted(tmp_path)
    same = replace(audit, findings=(), review=audit.review[::-1])
    other = replace(audit, review=(replace(audit.review[0], sha256="0" * 64), *audit.review[1:]))
    first, second, third = (_data(_page(tmp_path, each))["audit"] for each in (audit, same, other))
    assert first == second != third


def test_pictures_are_small(tmp_path: Path) -> None:
    path = tmp_path / "big.jpg"
    path.write_bytes(drawn.megapixel(np.random.default_rng(0)))
    row = Row("big.jpg", path, ("bag",))
    audit = replace(planted(tmp_path), findings=(), review=(Suspect(row, "0" * 64, 0.9, ()),))
    assert len(_page(tmp_path, audit)) < 60_000
