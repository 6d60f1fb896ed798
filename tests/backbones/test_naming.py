from pathlib import Path

import numpy as np
import pytest

from goodsight.backbones.backbone import Backbone, Block
from goodsight.backbones.naming import Naming, alike
from goodsight.photos.resize import Resize
from goodsight.photos.words import Line

NAMES = ("new_balance", "Citroën", "Ford", "HP", "")
NAMING = Naming(NAMES, 4.0)


def _line(text: str, sure: float = 1.0, place: tuple[float, float, float, float] = (0.25, 0.25, 0.5, 0.5)) -> Line:
    return Line(text, sure, place)


@pytest.mark.parametrize(
    ("lines", "brand"),
    [
        (["NEW BALANCE"], "new_balance"),
        (["a newbalance shoe"], "new_balance"),
        (["new", "balance"], "new_balance"),
        (["CITROEN C3"], "Citroën"),
        (["Cıtroen"], "Citroën"),
        (["FORD®"], "Ford"),
        (["hp.com"], "HP"),
    ],
)
def test_a_name_is_found_however_it_is_written(lines: list[str], brand: str) -> None:
    sure = NAMING.named([_line(text) for text in lines]).sure
    assert [name for name, one in zip(NAMES, sure, strict=True) if one > 0] == [brand]


@pytest.mark.parametrize("text", ["", "Oxford", "H", "P", "HPX", "balance", "new", "City", "a word of none"])
def test_other_words_name_nothing(text: str) -> None:
    assert not NAMING.named([_line(text)]).sure.any()


def test_a_misread_letter_and_a_doubtful_line_count_less() -> None:
    exact, misread = (NAMING.named([_line(text)]).sure[0] for text in ("new balance", "new baIance"))
    doubtful = NAMING.named([_line("new balance", 0.5)]).sure[0]
    assert 0 < misread < exact == 1
    assert doubtful == pytest.approx(0.5)


def test_a_name_on_two_lines_lies_around_both() -> None:
    lines = [_line("new", place=(0.1, 0.2, 0.3, 0.4)), _line("balance", place=(0.2, 0.5, 0.6, 0.7))]
    assert NAMING.named(lines).places[0].tolist() == pytest.approx([0.1, 0.2, 0.6, 0.7])


def test_likeness_is_the_edit_distance_over_the_longer() -> None:
    assert alike("ford", "ford") == 1
    assert alike("ford", "oxford") == pytest.approx(1 - 2 / 6)
    assert alike("ford", "fjord") == pytest.approx(1 - 1 / 5)
    assert alike("kitten", "sitting") == pytest.approx(1 - 3 / 7)
    assert alike("", "") == 1


def test_words_add_to_the_scores_and_say_where() -> None:
    blocks = (Block("features", 2, 1.0), Block("classes", 5, 0.0), Block("place", 4, 0.0))
    backbone = Backbone("brands", Path("network.onnx"), "", Resize(64), blocks, NAMING)
    network = np.array([[9, 9, 1, 0, 2, -1, 0.5, 0, 0, 1, 1]] * 4, np.float16)
    none = network.copy()
    others = [NAMING.named([_line(text)]) for text in ("HP", "Ford", "nothing")]
    found = backbone.worded(network, [*others, None])
    assert found[:, 2:7].tolist() == [[1, 0, 2, 3, 0.5], [1, 0, 6, -1, 0.5], *[[1, 0, 2, -1, 0.5]] * 2]
    # Only where words made it another brand is the place theirs.
    assert found[:, 7:].tolist() == [[0.25, 0.25, 0.5, 0.5], *[[0, 0, 1, 1]] * 3]
    assert (network == none).all()


def test_the_model_keeps_how_words_count() -> None:
    backbone = Backbone("brands", Path("network.onnx"), "", Resize(64), (Block("classes", 5, 0.0),), NAMING)
    assert Backbone.from_json(backbone.to_json(), backbone.network) == backbone
    plain = Backbone("brands", Path("network.onnx"), "", Resize(64), (Block("classes", 5, 0.0),))
    assert "naming" not in plain.to_json()
    assert Backbone.from_json(plain.to_json(), plain.network) == plain
