"""An index links every kind of report by what it found, and nothing else."""

import json
import os
from pathlib import Path

import pytest

import goodsight
from goodsight.errors import GoodsightError
from goodsight.report import index

RESULT = {
    "n": 40,
    "scores": {"accuracy": {"value": 0.9}},
    "scores_without_leaked_photos": {"accuracy": {"value": 0.8}},
    "decided_by_machine": 0.5,
}
TOLD = {
    "audit": {"worth_a_look": 7, "photos": 90},
    "first model": {"results": [RESULT]},
    "judged": {"results": [RESULT | {"scores_without_leaked_photos": None}]},
    "both": {"candidate_accuracy": 0.9, "gain": {"value": 0.031}, "n": 50, "old": "a", "new": "<b>"},
    "theirs": {"accuracy": 1},
}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    for number, (name, told) in enumerate(TOLD.items()):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(told), encoding="utf-8")
        (tmp_path / name / "report.html").write_text("a page", encoding="utf-8")
        os.utime(tmp_path / name / "report.html", (1e9 + number, 1e9 + number))
    (tmp_path / "first model" / "model.json").touch()
    (tmp_path / "photos").mkdir()
    return tmp_path


def test_each_report_is_known_by_its_numbers(reports: Path) -> None:
    found = {entry.kind: entry for entry in index.entries(reports)}
    assert list(found) == ["comparison", "evaluation", "training", "audit"]  # the newest first
    assert found["audit"].found == "7 of 90 photos are worth a look"
    assert found["training"].found == "right on 80.0 % of 40 photos, 50.0 % decided alone"
    assert found["evaluation"].found == "right on 90.0 % of 40 photos, 50.0 % decided alone"
    assert found["comparison"].found == "+3.1 points for <b> over a (50 photos)"


def test_the_page_links_them_and_is_made_again(reports: Path) -> None:
    for _ in range(2):
        page = goodsight.overview(reports).read_text(encoding="utf-8")
    assert 'href="first%20model/report.html"' in page
    assert "&lt;b&gt;" in page
    assert page.count("<li") == 4
    assert "<script" not in page


def test_no_report_and_a_page_of_somebody_else_are_refused(reports: Path) -> None:
    with pytest.raises(GoodsightError, match="none of its folders holds a report"):
        goodsight.overview(reports / "photos")
    with pytest.raises(GoodsightError, match="there is no such folder"):
        goodsight.overview(reports / "nowhere")
    (reports / "index.html").write_text("<title>Mine</title>", encoding="utf-8")
    with pytest.raises(GoodsightError, match="was not made by goodsight"):
        goodsight.overview(reports)
