"""Colours are those that the photo's profile means, in sRGB."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import raw_photos
from PIL import Image, ImageCms
from raw_photos import ADOBE_RGB, DISPLAY_P3, GAMMA_22, LINEAR, PROPHOTO, SRGB

from goodsight.photos import decoder, profiles
from goodsight.photos.resize import Resize

COLOURS = np.array([[200, 40, 40], [40, 150, 60], [50, 60, 170], [220, 180, 60], [128, 128, 128], [255, 255, 255]])
PROFILES = {
    "Display P3": raw_photos.profile(DISPLAY_P3),
    "Adobe RGB": raw_photos.profile(ADOBE_RGB, GAMMA_22),
    "ProPhoto": raw_photos.profile(PROPHOTO, 1.8),
    "linear": raw_photos.profile(SRGB, LINEAR),
}


def _patches(values: Any) -> Image.Image:
    return Image.fromarray(np.asarray(values).astype(np.uint8)[None].repeat(16, 0).repeat(16, 1))


def _written(primaries: Any, gamma: float | None) -> Image.Image:
    """The colours, given in sRGB, as a writer with another profile writes them. By hand, not by littlecms."""
    x = COLOURS / 255
    light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    light = np.clip(light @ np.array(SRGB) @ np.linalg.inv(np.array(primaries)), 0, 1)
    if gamma is None:
        return _patches(np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)))
    return _patches(np.rint(255 * light ** (1 / gamma)))


WRITTEN = {
    "Display P3": _written(DISPLAY_P3, None),
    "Adobe RGB": _written(ADOBE_RGB, GAMMA_22),
    "ProPhoto": _written(PROPHOTO, 1.8),
    "linear": _written(SRGB, LINEAR),
}


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _middle(found: Any) -> npt.NDArray[np.int64]:
    return np.asarray(found).astype(int)[8, 8::16]


OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100},
    "HEIF": {},
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("name", PROFILES)
def test_colours_are_those_that_the_profile_means(name: str, kind: str) -> None:
    if kind == "HEIF":
        decoder.open_rgb(_saved(Image.new("RGB", (8, 8)), "PNG"))
        pillow_heif = pytest.importorskip("pillow_heif")
        pillow_heif.register_heif_opener()
    data = _saved(WRITTEN[name], kind, icc_profile=PROFILES[name], **OPTIONS.get(kind, {}))
    picture = decoder.open_rgb(data)
    assert np.abs(_middle(picture) - COLOURS).max() <= 8
    assert "icc_profile" not in picture.info  # a viewer would apply it again
    square = decoder.decode(data, Resize(96))[40:56].astype(int)
    assert np.abs(square[8, 8::16] - COLOURS).max() <= 8


def test_transparency_palette_and_grey_with_a_profile_of_colours() -> None:
    layer = WRITTEN["Display P3"].convert("RGBA")
    assert (
        np.abs(_middle(decoder.open_rgb(_saved(layer, "PNG", icc_profile=PROFILES["Display P3"]))) - COLOURS).max() < 5
    )
    few = WRITTEN["Display P3"].quantize(8)
    assert np.abs(_middle(decoder.open_rgb(_saved(few, "PNG", icc_profile=PROFILES["Display P3"]))) - COLOURS).max() < 5
    grey = _patches([55, 128])
    found = _middle(decoder.open_rgb(_saved(grey, "PNG", icc_profile=PROFILES["linear"])))
    assert np.abs(found - [[128] * 3, [188] * 3]).max() <= 2


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_profile_of_greys(mode: str) -> None:
    grey = _patches([55, 128, 255])
    picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    data = _saved(picture, "PNG", icc_profile=raw_photos.profile(None, LINEAR))
    assert np.abs(_middle(decoder.open_rgb(data)) - [[128] * 3, [188] * 3, [255] * 3]).max() <= 2


def test_a_picture_in_lab() -> None:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    picture = ImageCms.profileToProfile(_patches(COLOURS), srgb, lab, outputMode="LAB")
    assert picture is not None
    assert np.abs(_middle(decoder.open_rgb(_saved(picture, "TIFF"))) - COLOURS).max() <= 12  # of 8 bits, too


@pytest.mark.parametrize(
    "profile",
    [
        b"",
        b"no profile",
        bytes(5000),
        PROFILES["Display P3"][:300],
        PROFILES["Display P3"].replace(b"curv", b"cXrv"),
        PROFILES["Display P3"].replace(b"RGB ", b"CMYK"),
        raw_photos.profile(None, LINEAR),  # of greys, in a picture with colours
        raw_photos.profile(((0, 0, 0),) * 3),  # all is black
        raw_photos.profile(SRGB),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ],
    ids=lambda profile: f"{len(profile)}",
)
def test_a_broken_profile_and_srgb_change_nothing(profile: bytes) -> None:
    plain = _patches(COLOURS)
    found = decoder.open_rgb(_saved(plain, "JPEG", icc_profile=profile, quality=95))
    assert np.array_equal(np.asarray(found), np.asarray(decoder.open_rgb(_saved(plain, "JPEG", quality=95))))


def test_what_a_profile_becomes_is_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_kept", type(profiles._kept)())
    monkeypatch.setattr(profiles, "_KEPT", 3)
    picture = Image.new("RGB", (4, 4))
    for gamma in (1.2, 1.4, 1.6, 1.8, 1.8):
        picture.info["icc_profile"] = raw_photos.profile(SRGB, gamma)
        first = profiles.transform(picture)
        assert first is not None
        assert profiles.transform(picture) is first
    assert len(profiles._kept) == 3
    picture.info["icc_profile"] = bytes(5 * 2**20)
    assert profiles.transform(picture) is None
    assert len(profiles._kept) == 3


def test_threads_may_share_a_transform() -> None:
    rng = np.random.default_rng(0)
    photos = [
        _saved(Image.fromarray(rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)), "PNG", icc_profile=PROFILES[name])
        for name in PROFILES
        for _ in range(5)
    ]
    alone = [decoder.decode(data, Resize(64)) for data in photos]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            together = list(pool.map(lambda data: decoder.decode(data, Resize(64)), photos))
            assert all(map(np.array_equal, alone, together))
