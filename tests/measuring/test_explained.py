"""The report draws where the worst mistakes come from."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import goodsight
from goodsight.catalog.rows import Row
from goodsight.flow.training import Training
from goodsight.measuring import explained
from goodsight.measuring.explained import Seen
from goodsight.measuring.result import Result
from goodsight.model import evidence
from goodsight.model.record import LoadedModel
from goodsight.photos.decoder import open_rgb, read
from goodsight.report.thumbnails import Thumbnails

EXPLAINED = "Red is where a photo looks most like the answer"


def _mapped(html: str) -> dict[str, str]:
    """The picture with the map of each mistake, by the photo's name and the class that it was given."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    data = json.loads(text)
    mapped = [photo for photo in data["photos"] if "m" in photo]
    return {f"{photo['n']} {photo['a'][0][1]}": data["pictures"][photo["m"]] for photo in mapped}


def test_a_training_report_shows_where_its_mistakes_come_from(trained: Training) -> None:
    html = (trained.folder / "report.html").read_text(encoding="utf-8")
    found = trained.measured
    evidence_of = found.parts[0].evidence
    mistakes = [(row, given) for result in found.results for row, _, given, _ in result.worst]
    assert 0 < len(mistakes) <= explained.MOST
    assert set(evidence_of) == {(row.path, given) for row, given in mistakes}
    assert EXPLAINED in html
    shown = _mapped(html)
    assert len(shown) == len(mistakes) == html.count('<li class="card">')
    for row, given in mistakes:
        assert shown[f"{row.file_name} {given}"].startswith("data:image/jpeg;base64,")


def test_a_network_without_maps_has_a_report_without_them(
    trained: Training, loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "gives", lambda _: False)
    wrong = trained.measured.results[0].worst[0][0]
    (tmp_path / "list.csv").write_text(f"file_name,label\n{wrong.path},{wrong.labels[0]}\n")
    goodsight.evaluate(loaded, tmp_path / "list.csv", out=tmp_path / "out", spoilt=0)
    assert EXPLAINED not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_mistakes_are_explained_up_to_a_number_and_gone_photos_left_out(
    trained: Training, loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = trained.measured.results[0]
    row, true, given, p = result.worst[0]
    gone = Row("gone.jpg", tmp_path / "gone.jpg")
    (judge,), embedder = loaded.model.judges, loaded.embedder(cached=False)
    other = next(name for name in judge.classes if name != given)
    some: Result = replace(result, worst=[(gone, true, given, p), (row, true, given, p), (row, true, other, p)])
    found = explained.of_worst(judge, embedder, [some, some])
    assert list(found) == [(row.path, given), (row.path, other)]
    assert not np.allclose(found[row.path, given].map, found[row.path, other].map, atol=0.1)
    monkeypatch.setattr(explained, "MOST", 2)
    assert list(explained.of_worst(judge, embedder, [some])) == [(row.path, given)]
    assert explained.of_worst(judge, embedder, [replace(some, worst=some.worst[:1])]) == {}
    drawn = evidence.draw(open_rgb(read(row.path)), loaded.model.backbone.resize, found[row.path, given].map)
    assert drawn.size == open_rgb(read(row.path)).size


def test_the_place_of_a_mistake_is_framed(trained: Training, loaded: LoadedModel) -> None:
    row = trained.measured.results[0].worst[0][0]
    resize, thumb = loaded.model.backbone.resize, Thumbnails(loaded.model.limits)
    seen = np.zeros((7, 7), np.float32)
    plain, framed = (thumb.explained(row, resize, Seen(seen, place))[0] for place in (None, (0.3, 0.3, 0.7, 0.7)))
    assert plain == thumb(row)[0] != framed
