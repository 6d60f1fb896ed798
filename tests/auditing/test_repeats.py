"""Copies of a photo are told from other photos near it: mirrored, cropped, written on; another colour is no copy."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from goodsight.arrays import Pixels
from goodsight.auditing import repeats
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.embedding import twins

SIZE = 224


def _photo(seed: int, colour: tuple[int, int, int] = (180, 60, 40)) -> Image.Image:
    """A garment with a pattern of its own on a ground."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (SIZE, SIZE), (236, 236, 232))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(60, 30), (160, 40), (190, 90), (165, 200), (70, 195), (40, 100)], colour)
    for _ in range(30):
        x, y = rng.uniform(50, 170, 2)
        draw.ellipse((x, y, x + rng.uniform(5, 25), y + rng.uniform(5, 25)), tuple(rng.integers(0, 256, 3).tolist()))
    return picture


def _jpeg(picture: Image.Image) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=40)
    return Image.open(out)


def _square(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("RGB").resize((SIZE, SIZE)))


def _written(picture: Image.Image) -> Image.Image:
    ImageDraw.Draw(picture).text((30, 170), "SALE 0669", (200, 0, 0), font_size=20)
    return picture


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda picture: picture,
    "JPEG": _jpeg,
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.7),
    "cropped": lambda picture: picture.crop((12, 12, 212, 212)),
    "turned": lambda picture: picture.rotate(3, Image.Resampling.BICUBIC, fillcolor=(236, 236, 232)),
    "written on": _written,
    "smaller": lambda picture: picture.resize((100, 100)),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_the_same_and_another_photo_is_not(kind: str) -> None:
    original = repeats.picture(_square(_photo(0)))
    copy = repeats.picture(_square(COPIES[kind](_photo(0))))
    others = [repeats.picture(_square(_photo(seed))) for seed in range(1, 4)]
    found = repeats.likenesses(copy, [*others, original], np.full(4, 0.95, np.float32))
    assert [each.same for each in found] == [False, False, False, True]
    assert found[3].similarity == max(each.similarity for each in found) > 0.8


def test_the_same_in_another_colour_is_another_photo() -> None:
    one, other = (repeats.picture(_square(_photo(0, colour))) for colour in ((180, 60, 40), (40, 80, 190)))
    (found,) = repeats.likenesses(one, [other], np.array([0.95], np.float32))
    assert not found.same


def test_nothing_is_like_nothing() -> None:
    plain = np.full((64, 64, 3), 200, np.uint8)
    assert repeats.likenesses(plain, [], np.empty(0, np.float32)) == []
    (found,) = repeats.likenesses(plain, [repeats.picture(_square(_photo(0)))], np.array([0.9], np.float32))
    assert not found.same


def test_bands_of_a_padded_square_are_filled() -> None:
    photo = np.asarray(_photo(0))
    padded = np.full((SIZE, SIZE, 3), 255, np.uint8)
    padded[40:184] = photo[40:184]
    found = repeats.picture(padded)
    assert (found[:10] == found[0]).all()
    assert found[0].mean() < 240
    assert (repeats.picture(np.full((SIZE, SIZE, 3), 255, np.uint8)) == 255).all()


def test_sketches_are_those_of_an_audit_of_folders(backbone: Backbone, engine: Engine) -> None:
    vector = engine.submit(_square(_photo(0))[None]).result()[0].astype(np.float16)
    made = repeats.sketch(vector, backbone).astype(np.float32)
    features = np.sqrt(np.maximum(vector[None, backbone.columns("head")].astype(np.float32), 0))
    theirs = twins.sketch(features / np.linalg.norm(features))[0].astype(np.float32)
    assert made @ theirs / np.linalg.norm(theirs) == pytest.approx(1, abs=1e-2)
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-2)
