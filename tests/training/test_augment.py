import io
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from goodsight.training.augment import NONE, Augment, jpeg, luma


def _photos(n: int = 4, side: int = 48) -> Tensor:
    """Smooth pictures on white, brighter to the right and redder to the bottom."""
    x = torch.full((n, side, side, 3), 255.0)
    ramp = torch.linspace(0, 1, side - 16)
    x[:, 8:-8, 8:-8, 0] = 60 + 120 * ramp[:, None]
    x[:, 8:-8, 8:-8, 1] = 40 + 160 * ramp[None, :]
    x[:, 8:-8, 8:-8, 2] = 80
    return x.round().byte()


def _run(augment: Augment, photos: Tensor, size: int = 48, seed: int = 0) -> Tensor:
    return augment(photos, size, torch.Generator().manual_seed(seed))


def _plain(photos: Tensor) -> Tensor:
    return photos.permute(0, 3, 1, 2).float()


def test_nothing_asked_nothing_changed() -> None:
    photos = _photos()
    assert (_run(NONE, photos) - _plain(photos)).abs().max() < 1e-2


def test_a_seed_gives_the_same_pixels_and_another_seed_others() -> None:
    photos = _photos()
    first = _run(Augment(), photos)
    assert torch.equal(first, _run(Augment(), photos))
    assert (first - _run(Augment(), photos, seed=1)).abs().mean() > 1


def test_pixels_stay_pixels_and_the_size_is_the_one_asked_for() -> None:
    everything = Augment(blur=1, dark=1, jpeg=1, erase=1)
    out = _run(everything, _photos(6, 64), 32)
    assert out.shape == (6, 3, 32, 32)
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 255


def test_a_mirrored_photo_is_the_photo_from_right_to_left() -> None:
    photos = _photos()
    mirrored = _run(replace(NONE, flip=1.0), photos)
    assert (mirrored - _plain(photos).flip(3)).abs().max() < 1e-2


def test_a_crop_shows_less_of_the_photo_and_never_leaves_it() -> None:
    photos = _photos(32)
    photos[:, :] = 0  # no white anywhere: any white would come from outside
    out = _run(replace(NONE, crop=0.3), photos)
    assert out[..., 1:-1, 1:-1].max() < 1
    assert out.max() < 128  # the outermost pixels lie half a pixel from the edge


def test_what_comes_in_from_outside_is_white() -> None:
    black = torch.zeros(8, 48, 48, 3, dtype=torch.uint8)
    out = _run(replace(NONE, rotate=45.0), black)
    assert out.max() > 250


@pytest.mark.parametrize("name", ["brightness", "contrast", "colour", "rotate", "shear", "shift", "crop"])
def test_each_kind_alone_changes_photos(name: str) -> None:
    photos = _photos()
    much = {"rotate": 30.0, "crop": 0.3}.get(name, 0.3)
    assert (_run(replace(NONE, **{name: much}), photos) - _plain(photos)).abs().mean() > 0.5


def test_dark_photos_lose_light() -> None:
    photos = _photos()
    assert _run(replace(NONE, dark=1.0), photos).mean() < 0.65 * _plain(photos).mean()


def test_blur_takes_edges_away_and_no_light() -> None:
    noise = torch.randint(0, 256, (4, 48, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    out = _run(replace(NONE, blur=1.0), noise)
    assert out.std() < 0.75 * _plain(noise).std()
    assert abs(float(out.mean() - _plain(noise).mean())) < 2


def test_erased_photos_have_a_grey_rectangle_of_the_promised_area() -> None:
    black = torch.zeros(64, 48, 48, 3, dtype=torch.uint8)
    share = (_run(replace(NONE, erase=1.0), black) == 128).float().mean((1, 2, 3))
    erased = (_run(replace(NONE, erase=1.0), black.repeat(16, 1, 1, 1)) == 128)[:, 0].float().mean(0)
    assert share.min() > 0.035
    # Opposite sides are struck alike.
    left, right, top, bottom = erased[:, :6].mean(), erased[:, -6:].mean(), erased[:6].mean(), erased[-6:].mean()
    assert min(left, right, top, bottom) > 0.7 * max(left, right, top, bottom) > 0
    assert erased.max() < 1
    assert share.max() < 0.3
    assert share.std() > 0.01


def test_a_chance_strikes_that_share_of_the_photos() -> None:
    white = torch.full((400, 16, 16, 3), 255, dtype=torch.uint8)
    struck = (_run(replace(NONE, dark=0.25), white, 16) < 250).all(1).all(1).all(1)
    assert 0.17 < struck.float().mean() < 0.33


def test_jpeg_blocks_are_those_of_a_real_jpeg() -> None:
    photo = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 255
    grey = torch.nn.functional.interpolate(photo, (48, 48), mode="bicubic").clamp(0, 255).round().expand(-1, 3, -1, -1)
    ours = jpeg(grey, torch.zeros(1), torch.zeros(1, 2))  # strength 0: quality 10
    out = io.BytesIO()
    Image.fromarray(grey[0, 0].byte().numpy()).save(out, "JPEG", quality=10)
    real = np.asarray(Image.open(io.BytesIO(out.getvalue())), np.float32)
    damage = np.abs(real - grey[0, 0].numpy()).mean()
    assert np.abs(real - ours[0, 0].numpy()).mean() < 0.2 * damage


def test_luma_weighs_green_most() -> None:
    colours = torch.eye(3).view(3, 3, 1, 1)
    assert luma(colours).flatten().argmax() == 1
    assert float(luma(torch.ones(1, 3, 1, 1))) == pytest.approx(1)


def test_none_switches_everything_off() -> None:
    assert all(getattr(NONE, field.name) == 0 for field in fields(Augment))
