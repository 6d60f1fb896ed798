"""The report loads nothing, escapes what users wrote, and says what was measured."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from goodsight.catalog import Row
from goodsight.flow import Training
from goodsight.report import Findings, page
from goodsight.result import Result, evaluate

HOSTILE = "<script>alert('1')</script>"


@pytest.fixture
def findings(trained: Training, tmp_path: Path) -> Findings:
    """The findings of a real training with a hostile photo, a leak and a class that is too small."""
    return replace(
        trained.findings,
        results=[_result(3, tmp_path)],
        counts={HOSTILE: {"photos": 2}},
        bad=[(HOSTILE, "truncated")] * 60,
    )


def _result(classes: int, folder: Path) -> Result:
    rng = np.random.default_rng(0)
    names = (HOSTILE, *(f"class {i}" for i in range(1, classes)))
    labels = np.append(rng.integers(1, classes, 60), [0, 0])
    p = rng.dirichlet(np.ones(classes), 62)
    rows = [Row(f'"{HOSTILE}{i}.jpg', folder / "gone.jpg", names[label]) for i, label in enumerate(labels)]
    return evaluate("validation", rows, names, p, labels, np.arange(62), np.arange(62) < 9, 0.5)


def test_hostile_names_are_escaped_and_nothing_is_loaded(findings: Findings, tmp_path: Path) -> None:
    page.write(tmp_path, findings)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    loaded = set(re.findall(r'(?:src|href)="([^"]{0,5})', text))
    assert {target for target in loaded if not target.startswith("#")} == {"data:"}
    assert "<link" not in text
    assert "url(http" not in text


def test_it_says_what_was_measured(findings: Findings, tmp_path: Path) -> None:
    page.write(tmp_path, findings)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    result = findings.results[0]
    assert result.scores_without_leaks is not None
    for scores in (result.scores, result.scores_without_leaks):
        assert f"{scores.accuracy.value:.3f} ({scores.accuracy.low:.3f} to {scores.accuracy.high:.3f})" in text
    assert "without 9 leaked photos" in text
    assert "Too few photos to measure: &lt;script" in text
    assert "and 10 more, in metrics.json" in text
    assert "unreadable: no such file" in text
    numbers = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["results"][0]
    assert numbers["leaked"] == 9
    assert numbers["scores"]["accuracy"]["value"] == round(result.scores.accuracy.value, 5)
    assert numbers["scores"]["per_class"][HOSTILE]["recall"]["value"] is None


def test_many_classes_get_a_list_of_confusions(findings: Findings, tmp_path: Path) -> None:
    page.write(tmp_path, replace(findings, results=[_result(40, tmp_path)]))
    assert "Most frequent confusions" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_card_names_figures_and_limits(findings: Findings, tmp_path: Path) -> None:
    page.card(tmp_path, findings)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| validation, without 9 leaked | 53 |" in text
    assert "too few photos to measure &lt;script" in text
