"""Evidence beside a drawn product is background, and where the product cannot be told nothing is said."""

import numpy as np
from PIL import Image, ImageDraw

from goodsight.arrays import Array
from goodsight.report import background


def _photo(box: tuple[int, int, int, int]) -> Image.Image:
    """A red product on a wall that is a little lighter on one side."""
    wall = np.linspace(200, 230, 160).astype(np.uint8)
    picture = Image.merge("RGB", [Image.fromarray(np.tile(wall, (120, 1)))] * 3)
    ImageDraw.Draw(picture).rectangle(box, fill=(190, 20, 30))
    return picture


def _heat(rows: slice, columns: slice) -> Array:
    found = np.zeros((120, 160), np.float32)
    found[rows, columns] = 1
    return found


PRODUCT = (50, 30, 110, 90)
ON, BESIDE = _heat(slice(40, 80), slice(60, 100)), _heat(slice(0, 25), slice(0, 160))


def test_evidence_beside_the_product_is_background() -> None:
    assert background.mostly(_photo(PRODUCT), BESIDE)
    assert not background.mostly(_photo(PRODUCT), ON)


def test_the_larger_part_counts() -> None:
    assert not background.mostly(_photo(PRODUCT), 3 * ON + BESIDE)
    assert background.mostly(_photo(PRODUCT), ON + 3 * BESIDE)


def test_nothing_is_said_where_the_product_cannot_be_told() -> None:
    filled, none, tiny = _photo((0, 0, 160, 120)), _photo((0, 0, 0, 0)), _photo((60, 50, 66, 56))
    assert not any(background.mostly(photo, BESIDE) for photo in (filled, none, tiny))
    assert not background.mostly(_photo(PRODUCT), np.zeros((120, 160), np.float32))
