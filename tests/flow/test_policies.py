"""Policies are tried on labelled photos, and what is counted is what a check would answer."""

from collections import Counter
from pathlib import Path

import pytest
from here import here
from PIL import Image

import goodsight
from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError, GoodsightError
from goodsight.flow.policies import PolicyTest
from goodsight.flow.training import Training
from goodsight.measuring import metrics
from goodsight.model.record import LoadedModel

POLICY = '[policies.bags]\nmodel = "drawn"\ncategory = "bag"\n'


@pytest.fixture(scope="module")
def turned(trained: Training, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos that were not trained on, turned ones, in folders of their labels; one bag among the mugs, and a copy."""
    folder = tmp_path_factory.mktemp("turned")
    counts: Counter[str] = Counter()

    def row_of(kind: str) -> list[Row]:
        return [row for row in trained.measured.parts[0].photo_set.table.rows if row.labels[0] == kind]

    for kind in ("bag", "mug"):
        for row in row_of(kind)[:8]:
            label = "mug" if kind == "bag" and counts[kind] == 0 else kind
            (folder / label).mkdir(exist_ok=True)
            with Image.open(here(row)) as photo:
                made = photo.convert("RGB").rotate(90, expand=True).crop((4, 9, photo.height, photo.width))
            made.save(folder / label / f"{kind}{counts[kind]}.png")
            counts[kind] += 1
    (folder / "bag" / "copy.jpg").write_bytes(here(row_of("bag")[0]).read_bytes())
    (folder / "bag" / "bad.jpg").write_bytes(b"no photo")
    return folder


def _policy(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_counted_is_what_is_answered(
    trained: Training, loaded: LoadedModel, turned: Path, tmp_path: Path
) -> None:
    text = f'{POLICY}unsure = "accept"\noff_topic = "refuse"\nprecision = 0.9\n'
    found = goodsight.policy_test(_policy(tmp_path, text), trained.folder, turned)
    assert (found.copies, [name for name, _ in found.bad]) == (1, ["bag/bad.jpg"])
    answers = [one for one in goodsight.classify(loaded, turned) if not one.problem and "copy" not in one.row.file_name]
    assert sum(each.n for each in found.categories) == len(answers) == 16
    for each in found.categories:
        its = [one for one in answers if one.label == each.category]
        said = Counter(one.verdict for one in its)
        assert (each.n, each.own.accepted, each.own.refused) == (len(its), said["sure"], 0)
        assert each.own.review == said["unsure"] + said["off-topic"]
        assert each.policy == ("bags" if each.category == "bag" else "")
        if each.category != "bag":
            assert repr(each.now) == repr(each.own)
            continue
        # Nothing is left to a person, and the bag that lies among the mugs is wrong if it is accepted.
        kept = [one for one in its if one.verdict != "off-topic"]
        assert (each.now.accepted, each.now.refused, each.now.review) == (len(kept), said["off-topic"], 0)
        if kept:
            wrong = [not one.row.file_name.startswith("bag/") for one in kept]
            assert each.now.error.value == pytest.approx(sum(wrong) / len(kept))
            assert each.now.error.low < each.now.error.value + 1e-9 <= each.now.error.high
    (total,) = found.policies
    (bags,) = [each for each in found.categories if each.category == "bag"]
    assert (total.policy, total.precision, total.n, repr(total.now)) == ("bags", 0.9, bags.n, repr(bags.now))
    assert found.missed == total.missed == (bags.now.error.value > 0.1)
    assert found.records()[0]["own_accepted"] == found.categories[0].own.accepted
    assert "bags, label: " in found.summary()


@pytest.mark.parametrize(("value", "missed"), [(0.05, False), (0.0501, True), (float("nan"), False)])
def test_a_wanted_precision_is_missed_below_it(value: float, missed: bool) -> None:
    from goodsight.flow.policies import Outcome

    found = Outcome(20, metrics.Estimate(value, 0.0, 1.0), 0, 0)
    assert PolicyTest("x", "label", 0.95, 20, found).missed == missed
    assert not PolicyTest("x", "label", None, 20, found).missed


def test_what_cannot_be_tried_is_told(trained: Training, turned: Path, tmp_path: Path) -> None:
    policy = _policy(tmp_path, POLICY)
    with pytest.raises(GoodsightError, match="no policy is about the model ads; give the model as name=folder"):
        goodsight.policy_test(policy, trained.folder, turned, name="ads")
    with pytest.raises(GoodsightError, match=r"\[policies\.bags\]: category 'bagg' is none of bag, lamp"):
        goodsight.policy_test(_policy(tmp_path, POLICY.replace('"bag"', '"bagg"')), trained.folder, turned)
    copies = tmp_path / "copies" / "bag"
    copies.mkdir(parents=True)
    (copies / "copy.jpg").write_bytes((turned / "bag" / "copy.jpg").read_bytes())
    with pytest.raises(CatalogError, match="all 1 photos are copies of training photos; give new ones"):
        goodsight.policy_test(_policy(tmp_path, POLICY), trained.folder, copies.parent)
