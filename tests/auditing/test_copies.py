"""Copies that were cropped, turned, mirrored or written on are twins; other photos of the same kind are not."""

import io
from itertools import combinations

import drawn
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from goodsight.auditing import copies
from goodsight.progress import quiet

RNG = np.random.default_rng(0)
MUGS = [drawn.draw("mug", RNG) for _ in range(12)]


def _pictures(photos: list[Image.Image]) -> npt.NDArray[np.uint8]:
    return np.stack([np.asarray(photo.convert("RGB").resize((64, 64), Image.Resampling.BOX)) for photo in photos])


def _written(photo: Image.Image) -> Image.Image:
    photo = photo.copy()
    ImageDraw.Draw(photo).text((20, 190), "SALE 0669 139 151", (200, 0, 0))
    return photo


def _branded(photo: Image.Image) -> Image.Image:
    photo = photo.copy()
    ImageDraw.Draw(photo).ellipse((190, 4, 236, 50), (30, 60, 200))
    return photo


def _saved_again(photo: Image.Image) -> Image.Image:
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=40)
    return Image.open(out)


COPIES = {
    "smaller": lambda photo: photo.resize((120, 120)),
    "cropped": lambda photo: photo.crop((12, 12, 228, 228)),
    "lighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.2),
    "turned": lambda photo: photo.rotate(3, Image.Resampling.BICUBIC, fillcolor="white"),
    "mirrored": lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "written on": _written,
    "branded": _branded,
    "saved again": _saved_again,
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_has_the_same_detail(how: str) -> None:
    pictures = _pictures([*MUGS, *(COPIES[how](mug) for mug in MUGS)])
    pairs = np.array([(i, 12 + i) for i in range(12)])
    correlation = copies.alike(pictures, pairs, quiet)
    assert np.median(correlation) > 0.8
    assert correlation.max() <= 1.01


def test_other_mugs_have_other_detail() -> None:
    pairs = np.array(list(combinations(range(12), 2)))
    assert copies.alike(_pictures(MUGS), pairs, quiet).max() < 0.7


@pytest.mark.parametrize("how", COPIES)
def test_no_copy_is_without_hope(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = _pictures([*MUGS, *(COPIES[how](mug) for mug in MUGS)])
    pairs = np.array([(i, 12 + i) for i in range(12)])
    sieved = copies.alike(pictures, pairs, quiet)
    monkeypatch.setattr(copies, "HOPE", -1.0)
    assert np.array_equal(sieved, copies.alike(pictures, pairs, quiet))


def test_what_has_nothing_in_common_is_not_laid_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    pictures = np.concatenate([noise, noise[:1]])
    pairs = np.array(list(combinations(range(7), 2)))
    monkeypatch.setattr(copies, "_closely", lambda _, pairs, ways: np.full(len(pairs), 2.0))
    assert pairs[copies.alike(pictures, pairs, quiet) == 2.0].tolist() == [[0, 6]]


def test_flat_pictures_are_alike_to_nothing() -> None:
    flat = np.full((2, 64, 64, 3), 200, np.uint8)
    assert abs(copies.alike(flat, np.array([[0, 1]]), quiet)[0]) < 0.01


def test_no_pairs_are_no_work() -> None:
    assert copies.alike(_pictures(MUGS), np.empty((0, 2), np.int64), quiet).shape == (0,)
