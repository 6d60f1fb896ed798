"""The report loads nothing, escapes what users wrote, and says what was measured."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reported
from here import here
from PIL import Image
from reported import HOSTILE

from goodsight.catalog.replay import Replayed
from goodsight.catalog.rows import Attribute, Catalog, Row
from goodsight.heads.head import Setting
from goodsight.heads.search import Trial
from goodsight.measuring.combinations import Combinations, Hidden
from goodsight.measuring.gain import Gain
from goodsight.measuring.measured import Measured, Part
from goodsight.report import card, page, template
from goodsight.training.fitted import ELSEWHERE, LIKE_THESE

QUOTED = "\"' onerror='x' \" ![](https://x.example/y.png)"
OURS = '<script type="module">'
Change = Callable[[Measured], Measured]


def _of(findings: Measured, *parts: Part) -> Measured:
    """The same with other parts."""
    return replace(findings, parts=parts, model=reported.model(*(each.judge for each in parts)))


def _with(findings: Measured, **changes: Any) -> Measured:
    """The same with another first part."""
    return _of(findings, replace(findings.parts[0], **changes), *findings.parts[1:])


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """Rows that share one photo, each with a hostile name."""
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (300, 200), "green").save(path)
    return [Row(f"{i} {QUOTED}.jpg", path) for i in range(62)]


@pytest.fixture
def findings(rows: list[Row]) -> Measured:
    trials = [Trial(Setting("linear", 0.0, 0.1), 0.25, 0.925, 40)]
    part = reported.part(reported.result(3, rows), trials=trials, gain=Gain(reason=HOSTILE))
    return Measured(
        title=f"Training report: {HOSTILE}",
        model=reported.model(part.judge),
        parts=[part],
        counts={HOSTILE: {"train": 7, "validation": 2}, "class 1": {"train": 8}, "class 2": {"validation": 31}},
        exact_twins=4,
        near_twins=5,
        extra_copies=6,
        twin_examples=[(rows[0], rows[1])],
        leaked_pairs=[(rows[2], rows[3])],
        bad=[(QUOTED, "truncated")] * 60,
        left_out=[("nowhere.jpg", "no split given")],
        off_topic=[(rows[4], 0.0125, "teapot"), (rows[5], float("nan"), "")],
        timings=[("embed the photos", 1.5)],
        ledger=Replayed(
            Catalog("photos", tuple(rows)),
            ("a.csv",),
            absent=((QUOTED, HOSTILE),),
            disputed=((QUOTED, f"{HOSTILE}: keep, bob: drop"),),
        ),
    )


def _between(text: str, begin: str, end: str) -> str:
    return text.split(begin, 1)[1].split(end, 1)[0]


def _page(folder: Path, findings: Measured) -> str:
    page.write(folder, findings)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_hostile_names_are_escaped_and_nothing_is_loaded(findings: Measured, tmp_path: Path) -> None:
    text = _page(tmp_path, findings)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&#34;&#39; onerror=&#39;x&#39; &#34;" in text
    without_names = text.replace("https://x.example", "")
    for forbidden in (
        "http://",
        "https://",
        "<link",
        "@import",
        "url(http",
        'onerror="',
        "<iframe",
        " style=",
        " src=",
    ):
        assert forbidden not in without_names
    assert {tag for tag in re.findall(r"<script[^>]*>", text) if "application/json" not in tag} == {OURS}
    assert text.count(OURS) == 1
    assert not re.search(r"\bhref=", text)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    for kind, text_ in (
        ("style", _between(text, "<style>", "</style>")),
        ("script", _between(text, OURS, "</script>")),
    ):
        digest = base64.b64encode(hashlib.sha256(text_.encode()).digest()).decode()
        assert f"{kind}-src &#39;sha256-{digest}&#39;" in policy


def test_both_figures_are_shown_and_the_one_without_leaks_is_the_headline(findings: Measured, tmp_path: Path) -> None:
    text = re.sub(r"<[^>]*>", "", _page(tmp_path, findings))
    result = findings.results[0]
    assert result.scores_without_leaks is not None
    for scores in (result.scores, result.scores_without_leaks):
        assert f"{scores.accuracy.value:.3f} ({scores.accuracy.low:.3f} to {scores.accuracy.high:.3f})" in text
    assert "without 9 leaked photos" in text
    share = f"{100 * result.scores_without_leaks.accuracy.value:.1f}"
    assert f"Right on {share} % of photos it had not seen" in text
    assert "53 photos it had not seen. Not counted: 9 photos with a twin" in text


def test_photos_that_all_leak_give_no_headline_figure(findings: Measured, rows: list[Row], tmp_path: Path) -> None:
    text = _page(tmp_path, _with(findings, results=[reported.result(3, rows, leaked=62)]))
    assert "Every one of these 62 photos has a twin or its group among the training photos" in text
    assert "it had not seen" not in text
    assert "right-hand column" not in text


def test_it_says_why_nothing_is_decided(findings: Measured, tmp_path: Path) -> None:
    part = findings.parts[0]
    for threshold, why in (
        (0.9999, "no answer is as sure as it decides from, probability 1.000"),
        (float("inf"), "too few are right in a row, from the surest on, to promise it; 99 are needed"),
    ):
        text = _page(tmp_path, _with(findings, judge=replace(part.judge, threshold=threshold)))
        said = re.sub(r"<[^>]*>", "", text)
        assert f"Decided alone0.0 %of 53 photos, when 99 % shall be right: {why}" in said
        assert f"Nothing is decided alone: {why}." in said


def test_photos_from_elsewhere_lead_and_are_counted_by_group(
    findings: Measured, rows: list[Row], tmp_path: Path
) -> None:
    far, near = (replace(reported.result(3, rows), name=name) for name in (ELSEWHERE, LIKE_THESE))
    text = _page(tmp_path, _with(findings, results=[far, near]))
    assert "photos from elsewhere: nothing of their group was trained on" in text
    assert text.index("Figures: photos from elsewhere") < text.index("Figures: photos like these")
    assert f"photos of one group count as one draw (62 photos, {far.scores.groups} groups)" in text
    assert f"twins count as one draw (62 photos, {near.scores.groups} distinct)" in text


def test_a_class_with_too_few_photos_is_named(findings: Measured, tmp_path: Path) -> None:
    text = _page(tmp_path, findings)
    assert "Too few photos to measure: &lt;script" in text
    assert "not measurable (2 photos)" in text
    assert "nan" not in re.sub(r"data:[^\"]*", "", text)


def test_metrics_are_the_numbers_of_the_findings(findings: Measured, tmp_path: Path) -> None:
    page.write(tmp_path, findings)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    numbers = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"), parse_constant=refuse)
    result = findings.results[0]
    assert numbers["results"] == [json.loads(json.dumps(result.to_json()))]
    assert numbers["results"][0]["scores"]["accuracy"]["value"] == round(result.scores.accuracy.value, 5)
    assert numbers["results"][0]["scores"]["per_class"][HOSTILE]["recall"]["value"] is None
    assert numbers["classes"] == [HOSTILE, "class 1", "class 2"]
    assert numbers["counts"]["class 2"] == {"validation": 31}
    assert numbers["twins"] == {"exact_pairs": 4, "near_pairs": 5, "extra_copies": 6}
    assert numbers["bad_photos"] == [[QUOTED, "truncated"]] * 60
    assert numbers["left_out"] == [["nowhere.jpg", "no split given"]]
    assert [p for _, p, _ in numbers["least_on_topic"]] == [0.0125, None]
    assert numbers["heads_tried"][0]["accuracy"] == 0.925
    assert numbers["seconds"] == {"embed the photos": 1.5}


def test_long_lists_are_cut_with_the_total(findings: Measured, tmp_path: Path) -> None:
    text = _page(tmp_path, findings)
    assert text.count(": truncated</li>") == 50
    assert "could not be used: 60." in text
    assert "and 10 more, in metrics.json" in text


def test_a_photo_that_is_gone_shows_why(findings: Measured, rows: list[Row], tmp_path: Path) -> None:
    assert "unreadable" not in _page(tmp_path, findings)
    here(rows[0]).unlink()
    text = _page(tmp_path, findings)
    assert "unreadable: no such file" in text
    assert "<img" not in text


def test_a_file_name_that_is_not_text_can_be_written(findings: Measured, tmp_path: Path) -> None:
    text = _page(tmp_path, replace(findings, bad=[("a\udcff.jpg", "truncated")]))
    assert "a\\udcff.jpg" in text
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["bad_photos"][0][0] == "a\udcff.jpg"


def test_many_classes_have_a_whole_table(findings: Measured, rows: list[Row], tmp_path: Path) -> None:
    text = _page(tmp_path, _of(findings, reported.part(reported.result(40, rows))))
    matrix = _between(text, "<table data-matrix>", "</table>")
    result = reported.result(40, rows).honest
    there = np.flatnonzero(result.confusion.sum(axis=0) + result.confusion.sum(axis=1))
    assert matrix.count('<th scope="row">') == len(there)
    assert matrix.count("<button") == np.count_nonzero(result.confusion)
    assert f"{40 - len(there)} classes without a photo here are not in it." in text


@pytest.mark.parametrize(
    ("change", "heading"),
    [
        (lambda f: replace(f, exact_twins=0, near_twins=0, twin_examples=[], leaked_pairs=[]), "Twins</summary>"),
        (lambda f: replace(f, off_topic=[]), "Least on topic</summary>"),
        (lambda f: replace(f, bad=[]), "Bad photos: 60</summary>"),
        (lambda f: replace(f, left_out=[]), "Left out: 1</summary>"),
        (lambda f: replace(f, counts={}), "Photos</summary>"),
        (lambda f: replace(f, ledger=None), "Ledger</summary>"),
        (lambda f: _with(f, trials=[]), "Heads tried"),
        (lambda f: replace(f, timings=[]), "Seconds</span>"),
    ],
)
def test_an_empty_section_is_left_out(findings: Measured, tmp_path: Path, change: Change, heading: str) -> None:
    assert heading in _page(tmp_path, findings)
    assert f">{heading}" not in _page(tmp_path, change(findings))


def test_an_id_is_there_once_and_headings_are_in_order(findings: Measured, tmp_path: Path) -> None:
    second = replace(findings.results[0], name="out-of-fold")
    names = ("\u0446\u0432\u0435\u0442", "\u0442\u0438\u043f\u0430", HOSTILE)
    others = [reported.part(replace(second, name=f"{name}: out-of-fold"), Attribute(name)) for name in names]
    findings = _with(findings, results=[findings.results[0], second])
    text = _page(tmp_path, _of(findings, *findings.parts, *others))
    assert text.count("<svg") > 5
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids)) > 20
    assert set(re.findall(r'(?:href="#|aria-labelledby="|for=")([^"]+)"', text)) <= set(ids)
    assert not re.search(r'href="[^#]|url\(', text)
    levels = [int(n) for n in re.findall(r"<h(\d)", text)]
    assert levels[0] == 1
    assert all(1 < b <= a + 1 for a, b in pairwise(levels))
    assert text.count("<table>") >= text.count("<caption>") > 5


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.965, "96.5 %"), (1.0, "100.0 %"), (0.9997, "99.97 %"), (0.00004, "0.004 %"), (float("nan"), "not measurable")],
)
def test_percentages_round_to_all_or_nothing_only_when_they_are(value: float, text: str) -> None:
    assert template.percent(value) == text


def test_the_card_names_figures_verdicts_and_limits(findings: Measured, tmp_path: Path) -> None:
    card.write(tmp_path, replace(findings, counts=dict(findings.counts) | {"a|b [c](d)": {"train": 1}}))
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "| class | train | validation |\n|---|---|---|\n| &lt;script&gt;alert(1)&lt;/script&gt; | 7 | 2 |\n" in text
    assert "| a\\|b \\[c\\](d) | 1 | 0 |\n\n## Measured" in text
    assert "| validation, without 9 leaked | 53 |" in text
    assert "too few photos to measure &lt;script" in text
    assert "9 of 62 photos are leaked" in text
    assert "`sure` from a probability of 0.875, for a wanted precision of 0.99" in text
    assert "goodsight check MODEL" in text


def test_the_card_of_a_model_that_is_never_sure_says_so(findings: Measured, tmp_path: Path) -> None:
    card.write(tmp_path, _with(findings, judge=replace(findings.parts[0].judge, threshold=float("inf"))))
    assert "No probability was high enough for a precision of 0.99" in (tmp_path / "README.md").read_text("utf-8")


@pytest.fixture
def several(findings: Measured) -> Measured:
    """A colour, a type with a hostile name and a tag, with combinations of the first two."""
    (part,) = findings.parts
    result = part.results[0]
    names = ("colour", f"a|b {HOSTILE}", "new")
    parts = [
        replace(
            part,
            judge=reported.judge(result.classes, Attribute(name, tag=name == "new")),
            results=[replace(result, name=f"{name}: out-of-fold")],
        )
        for name in names
    ]
    hidden = (Hidden((HOSTILE, "mug"), 3, (0.25, 1.0), 0.25), Hidden(("red", "mug"), 7, (0.75, 1.0), 0.75))
    trained: Counter[tuple[str, ...]] = Counter({(HOSTILE, "mug"): 3, ("red", "mug"): 7, ("red", "silk"): 2})
    together = Combinations(names[:2], trained, hidden * 30, 0.875)
    return replace(_of(findings, *parts), combinations=together)


def test_the_page_of_several_attributes_says_which_is_which(several: Measured, tmp_path: Path) -> None:
    page_text = _page(tmp_path, several)
    for forbidden in ("<script>", "http://", "<link", 'onerror="'):
        assert forbidden not in page_text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page_text))
    for name in ("colour", "a|b &lt;script&gt;alert(1)&lt;/script&gt;", "new"):
        assert f"{name}: right on" in text
        assert f"Figures: {name}: out-of-fold" in text
    assert "3 combinations of colour and a|b &lt;script" in text
    assert "right in all labels on 50.0 % on average over the combinations" in text
    assert "Out-of-fold, when they are trained, it is 87.5 %." in text
    row = '<tr><th scope="row">red mug</th><td>7</td><td>75.0 %</td><td>100.0 %</td><td>75.0 %</td></tr>'
    assert page_text.count(row) == 25
    assert "10 more are in metrics.json." in text
    assert "given from, new" in text
    assert "given from, colour" not in text
    assert "with combinations hidden" in text
    assert "ombinations" not in _page(tmp_path, replace(several, combinations=None))


def test_metrics_of_several_attributes_are_by_name(several: Measured, tmp_path: Path) -> None:
    page.write(tmp_path, several)
    numbers = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    names = ["colour", f"a|b {HOSTILE}", "new"]
    assert [result["photos"] for result in numbers["results"]] == [f"{name}: out-of-fold" for name in names]
    for key in ("classes", "heads_tried", "robustness"):
        assert list(numbers[key]) == names
    assert list(numbers["ledger"]["gain"]) == names
    assert numbers["combinations"]["hidden_all_right"] == 0.5
    assert len(numbers["combinations"]["hidden"]) == 60


def test_the_card_of_several_attributes(several: Measured, tmp_path: Path) -> None:
    card.write(tmp_path, several)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "- colour: &lt;script&gt;alert(1)&lt;/script&gt;, class 1, class 2\n" in text
    assert "- new: yes or no\n" in text
    assert "| a\\|b &lt;script&gt;alert(1)&lt;/script&gt;: out-of-fold | 62 |" in text
    assert "| a|b" not in text
    assert (
        "all labels are right on 50.0 % of its photos, on average over combinations (when it is trained: 87.5 %)"
        in text
    )
    assert "--declared ATTRIBUTE=CLASS" in text
    assert several.combinations is not None
    card.write(tmp_path, replace(several, combinations=replace(several.combinations, hidden=())))
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "not measurable of photos" not in text
    assert "How it does on combinations of labels that were never trained is not known; `classify` marks them" in text
