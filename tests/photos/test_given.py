"""Every form of a photo becomes bytes that decode to the same pixels, or a named reason."""

import io
import sys
from pathlib import Path

import drawn
import numpy as np
import pytest
from PIL import ExifTags, Image

from goodsight.errors import GoodsightError
from goodsight.photos import decoder, given
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.photos.resize import Resize

RESIZE = Resize(224)


def _drawn() -> Image.Image:
    return drawn.draw("shoe", np.random.default_rng(4), (300, 260))


def _pixels(photo: given.Photo, limits: Limits = DEFAULT_LIMITS) -> bytes:
    data, held = given.read(photo, limits)
    return decoder.decode(data, RESIZE, held).tobytes()


def _saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    picture.save(out := io.BytesIO(), kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "CMYK", "YCbCr", "I", "I;16", "F", "LAB", "HSV"])
def test_a_picture_of_any_mode_is_decoded_as_its_file_would_be(mode: str) -> None:
    if mode == "LAB":
        picture = Image.merge("LAB", _drawn().split())
    elif mode == "I;16":
        picture = Image.fromarray(np.asarray(_drawn().convert("L")).astype(np.uint16) * 257)
    else:
        picture = _drawn().convert(mode)
    whole = picture.convert("RGB") if mode in ("YCbCr", "HSV") else picture
    same = _saved(whole, "TIFF" if mode in ("CMYK", "F", "I", "I;16", "LAB") else "PNG")
    assert _pixels(picture) == _pixels(same)
    assert len(set(_pixels(picture))) > 1


@pytest.mark.parametrize(("mode", "clear"), [("RGB", (0, 0, 0)), ("L", 0), ("P", 0)])
def test_a_colour_that_stands_for_transparency_is_kept(mode: str, clear: object) -> None:
    picture = Image.new(mode, (40, 30), 0)  # black, and all of it clear: white when it is laid on white
    picture.info["transparency"] = clear
    assert set(_pixels(picture)) == {255}


def test_a_picture_is_turned_as_its_exif_says_and_keeps_its_profile(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = tmp_path / "turned.png"
    path.write_bytes(_saved(_drawn(), exif=exif))
    file, sideways = (np.frombuffer(_pixels(photo), np.uint8).astype(int) for photo in (path, _drawn()))
    with Image.open(path) as picture:
        turned = np.frombuffer(_pixels(picture), np.uint8).astype(int)
    # A TIFF is turned before it is made smaller and a PNG after that, which may round otherwise.
    assert np.abs(turned - file).max() <= 2
    assert np.abs(sideways - file).max() > 50
    plain = _drawn()
    plain.info["icc_profile"] = b"a profile"
    with Image.open(io.BytesIO(given.read(plain, DEFAULT_LIMITS)[0])) as again:
        assert again.info["icc_profile"] == b"a profile"


def test_arrays_paths_bytes_and_addresses_give_the_same_pixels(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    picture, path = _drawn(), tmp_path / "a.png"
    picture.save(path)
    data = path.read_bytes()
    forms: list[given.Photo] = [
        str(path),
        data,
        bytearray(data),
        memoryview(data),
        picture,
        np.asarray(picture),
        path.as_uri(),
    ]
    assert {_pixels(form) for form in forms} == {_pixels(path)}
    grey = picture.convert("L")
    assert _pixels(np.asarray(grey)) == _pixels(grey)
    assert _pixels(np.asarray(picture)[::-1, :, ::-1]) != _pixels(path)


def test_pixels_in_memory_are_limited_by_their_number_and_not_by_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    assert _pixels(noise, Limits(max_bytes=100))
    for photo in (noise, Image.fromarray(noise)):
        with pytest.raises(BadPhoto, match=r"too large: 0\.0 megapixels"):
            given.read(photo, Limits(max_pixels=9_999))


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (np.zeros((0, 5, 3), np.uint8), "empty: an array without pixels"),
        (Image.new("RGB", (0, 5)), "empty: a picture without pixels"),
        ("nowhere.jpg", "unreadable: no such file or directory"),
        (".", "unreadable: a folder"),
        ("memory://nowhere.jpg", "missing: nothing is there"),
        ("nonsense://nowhere.jpg", "unreadable: no way is known to read nonsense://"),
    ],
)
def test_what_cannot_be_read_is_a_bad_photo(photo: given.Photo, reason: str) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    with pytest.raises(BadPhoto, match=reason):
        given.read(photo, DEFAULT_LIMITS)


def test_a_picture_that_was_opened_and_breaks_off_is_a_bad_photo(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(_saved(_drawn())[:4000])
    with Image.open(path) as picture, pytest.raises(BadPhoto, match="unreadable: "):
        given.read(picture, DEFAULT_LIMITS)


def test_no_more_is_read_from_an_address_than_the_limits_allow() -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    fsspec.filesystem("memory").pipe("/large.jpg", b"x" * 5000)
    with pytest.raises(BadPhoto, match="too large"):
        given.read("memory://large.jpg", Limits(max_bytes=4999))
    assert given.read("memory://large.jpg", Limits(max_bytes=5000))[0] == b"x" * 5000


def test_addresses_without_fsspec_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setattr("goodsight.photos.remote.find_spec", lambda _: None)
    with pytest.raises(GoodsightError, match=r"to read addresses, .*pip install 'goodsight\[remote\]'"):
        given.require("https://example.org/a.jpg")


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (3, "a photo is of type int: give a path"),
        (None, "a photo is of type NoneType: give a path"),
        (np.zeros((3, 8, 8), np.uint8), "a photo is an array of uint8, 3 x 8 x 8: give uint8, height x width x 3"),
        (np.zeros((8, 8, 3), np.float32), "a photo is an array of float32, 8 x 8 x 3"),
        (np.zeros((2, 8, 8, 3), np.uint8), "a photo is an array of uint8, 2 x 8 x 8 x 3"),
    ],
)
def test_what_is_no_photo_is_refused_with_what_is_one(photo: object, message: str) -> None:
    with pytest.raises(GoodsightError, match=message):
        given.require(photo)


def test_names_are_paths_or_numbers_and_keep_no_secret(tmp_path: Path) -> None:
    picture, path = _drawn(), tmp_path / "a.png"
    picture.save(path)
    assert [given.name(photo, 3) for photo in (path, "a/b.jpg", b"x", picture)] == [
        str(path),
        "a/b.jpg",
        "photo 3",
        "photo 3",
    ]
    with Image.open(path) as opened:
        assert given.name(opened, 3) == str(path)
    secret = "zip://a.jpg::https://me:secret@host:1/b.zip?sig=secret#secret"
    assert given.name(secret, 1) == "zip://a.jpg::https://host:1/b.zip"
