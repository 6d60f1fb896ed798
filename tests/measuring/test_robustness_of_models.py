import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import drawn
import numpy as np
import pytest

import goodsight
from goodsight import Wishes
from goodsight.flow.training import Training
from goodsight.measuring import result
from goodsight.measuring.dealt import affordable
from goodsight.model.record import LoadedModel
from goodsight.photos import spoil

Lay = Callable[[Path, Mapping[str, Sequence[Path]]], Path]


def test_a_training_without_a_split_tries_photos_of_one_fold(trained: Training) -> None:
    card = trained.measured.parts[0].card
    assert card
    first = trained.measured.parts[0].results[0]
    assert (card.which, card.clean, card.of) == ("out-of-fold", first.scores.accuracy, first.scores.n)
    assert {line.condition for line in card.lines} == set(spoil.CONDITIONS)
    assert min(card.per_cell) > 0
    looks = card.photos * card.ways
    assert card.dealt
    assert looks <= 2 * affordable(first.scores.n)


def test_the_users_split_is_tried_without_what_leaked(
    sound: dict[str, list[Path]], lay: Lay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result, "LEAST", 10)  # photos enough to lead the report
    folders = {f"train/{kind}": photos[:12] for kind, photos in sound.items()}
    folders |= {f"validation/{kind}": photos[10:15] for kind, photos in sound.items()}  # two of each are in train/
    training = goodsight.train(lay(tmp_path / "photos", folders), tmp_path / "model", wishes=Wishes(budget=0))
    card = training.measured.parts[0].card
    assert card
    assert (card.which, card.of, card.photos) == ("validation", 4 * 3, 4 * 3)
    assert card.clean == training.measured.parts[0].results[0].honest.accuracy
    page = (tmp_path / "model" / "report.html").read_text(encoding="utf-8")
    assert "Accuracy on spoilt photos, with 95 % intervals: validation (12 of 12 photos)" in page


def test_an_evaluation_report_has_a_card_of_unseen_photos(loaded: LoadedModel, tmp_path: Path) -> None:
    rng = np.random.default_rng(77)
    for kind in drawn.KINDS:
        (tmp_path / "new" / kind).mkdir(parents=True)
        for number in range(3):
            drawn.draw(kind, rng).save(tmp_path / "new" / kind / f"{number}.png")
    goodsight.evaluate(loaded, tmp_path / "new", out=tmp_path / "report", spoilt=8)
    numbers = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert numbers["robustness"]["n"] == 8
    assert numbers["robustness"]["photos"] == "photos"
    conditions = numbers["robustness"]["conditions"]
    assert [each["n"] for each in conditions] == [8] * 18
    weak, _, strong = (np.mean([each["accuracy"]["value"] for each in conditions[i::3]]) for i in range(3))
    assert numbers["robustness"]["clean"]["value"] >= weak > strong


def test_photos_of_the_training_are_not_tried(loaded: LoadedModel, drawn_photos: Path, tmp_path: Path) -> None:
    evaluation = goodsight.evaluate(loaded, drawn_photos, out=tmp_path / "report")
    assert evaluation.measured.parts[0].card is None


def test_no_card_is_made_when_none_is_asked_for(
    loaded: LoadedModel, sound: dict[str, list[Path]], tmp_path: Path
) -> None:
    (tmp_path / "new" / "mug").mkdir(parents=True)
    drawn.draw("mug", np.random.default_rng(5)).save(tmp_path / "new" / "mug" / "0.png")
    assert (
        goodsight.evaluate(loaded, tmp_path / "new", out=tmp_path / "report", spoilt=0).measured.parts[0].card is None
    )
    assert "Spoilt photos" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
