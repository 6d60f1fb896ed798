"""Every format and oddity is decoded to RGB, or refused with a named reason, and never with another exception."""

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from goodsight.photos import decoder, find
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.resize import Resize

pillow_heif.register_heif_opener()
SMOOTH = Image.fromarray(
    np.stack(np.meshgrid(np.linspace(20, 230, 90), np.linspace(200, 30, 60)), axis=2)
    .repeat(2, axis=2)[:, :, :3]
    .astype(np.uint8)
)
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"]


def _bytes(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _decode(data: bytes) -> Any:
    return decoder.decode(data, Resize(64)).astype(int)


def _reason(data: bytes, limits: Limits = Limits()) -> str:  # noqa: B008
    with pytest.raises(BadPhoto) as caught:
        decoder.decode(data, Resize(64), limits)
    return caught.value.reason


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_picture(kind: str) -> None:
    assert np.abs(_decode(_bytes(SMOOTH, kind)) - _decode(_bytes(SMOOTH))).mean() < 4


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind not in ("GIF", "BMP")])
def test_orientation_is_applied(kind: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = _bytes(SMOOTH, kind, exif=exif.tobytes())
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.abs(_decode(data) - _decode(_bytes(upright))).mean() < 3
    assert decoder.open_rgb(data).size == decoder.upright_size(data) == upright.size
    assert decoder.upright_size(data) == ((60, 90) if turn > 4 else (90, 60))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_may_stand_in_xmp_alone(kind: str) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        data = _bytes(SMOOTH, kind, pnginfo=info)
    elif kind == "TIFF":
        data = _bytes(SMOOTH, kind, tiffinfo={700: xmp})
    else:
        data = _bytes(SMOOTH, kind, xmp=xmp)
    assert decoder.open_rgb(data).size == decoder.upright_size(data) == (60, 90)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    if mode == "P":
        clear = Image.new("P", (20, 20), 0)
        data = _bytes(clear, transparency=0)
    else:
        data = _bytes(Image.new(mode, (20, 20), 0))
    assert (_decode(data) == 255).all()


def test_unusual_modes_are_converted() -> None:
    red = Image.new("RGB", (20, 20), (255, 0, 0))
    assert np.abs(_decode(_bytes(red.convert("CMYK"), "JPEG")) - [255, 0, 0]).max() < 6
    assert (_decode(_bytes(Image.new("1", (9, 9), 1))) == 255).all()
    deep = Image.fromarray(np.full((8, 8), 257 * 100, np.uint16))
    assert (_decode(_bytes(deep)) == 100).all()
    assert (_decode(_bytes(Image.fromarray(np.full((8, 8), 0.5, np.float32)), "TIFF")) == 128).all()
    assert (_decode(_bytes(Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF")) >= 254).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("#c80000", "#0000c8")]
    found = _decode(_bytes(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(found - [200, 0, 0]).max() < 8


def test_limits_come_from_the_header() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    assert _reason(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + b"\0" * 8) == "too large"
    assert _reason(_bytes(SMOOTH), Limits(max_pixels=100)) == "too large"
    assert _reason(_bytes(SMOOTH), Limits(max_bytes=10)) == "too large"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_photo_is_named(kind: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3)).astype(np.uint8))
    data = _bytes(noise, kind)
    try:
        decoder.decode(data[: int(share * len(data))], Resize(64))
        reason = "whole"
    except BadPhoto as bad:
        reason = str(bad.reason)
    # Formats that keep their pixels early may survive a cut near the end.
    assert reason in ({"truncated"} if kind in {"JPEG", "PNG"} else {"truncated", "unreadable", "whole"})


def test_what_is_no_picture() -> None:
    assert _reason(b"") == "empty"
    assert _reason(b"<html>no such photo</html>") == "not a picture"
    assert _reason(b"GIF89a<script>alert(1)</script>" * 9) in {"unreadable", "truncated", "too large"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_flipped_bytes_raise_nothing_else(kind: str) -> None:
    rng, data = np.random.default_rng(1), _bytes(SMOOTH, kind)
    outcomes: set[object] = set()
    for _ in range(150):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), 4):
            broken[place] = rng.integers(256)
        try:
            outcomes.add(decoder.decode(bytes(broken), Resize(64)).shape)
        except BadPhoto as bad:
            outcomes.add(bad.reason)
    assert len(outcomes) > 1


def test_reduced_scale_equals_full_scale() -> None:
    large = SMOOTH.resize((1800, 1200))
    jpeg = _decode(_bytes(large, "JPEG", quality=95))
    assert np.abs(jpeg - _decode(_bytes(large))).mean() < 2
    assert min(decoder.open_rgb(_bytes(large, "JPEG"), at_least=100).size) < 1200


def test_resize_is_checked_and_kept() -> None:
    assert Resize.from_json(Resize(96, "squash").to_json()) == Resize(96, "squash")
    with pytest.raises(ValueError, match="allowed: 'pad', 'squash'"):
        Resize(96, "crop")
    assert (decoder.decode(_bytes(Image.new("RGB", (20, 10))), Resize(40))[0] == 255).all()


def test_find_is_ordered_and_survives_odd_trees(tmp_path: Path) -> None:
    long = "ü" * 120 + ".jpg"
    for name in ("b/2.jpg", "x.jpg/inside.png", f"a/{long}", ".hidden/h.jpg", "Thumbs.db"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_bytes(SMOOTH))
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = [p.relative_to(tmp_path).as_posix() for p in find.find(tmp_path)]
    assert found == [f"a/{long}", "b/2.jpg", "x.jpg/inside.png"]


def test_read_names_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "big.jpg").write_bytes(b"x" * 100)
    for name, reason in (("pipe.jpg", "unreadable"), (".", "unreadable"), ("gone.jpg", "unreadable")):
        with pytest.raises(BadPhoto, match=reason):
            decoder.read(tmp_path / name)
    with pytest.raises(BadPhoto, match="too large"):
        decoder.read(tmp_path / "big.jpg", Limits(max_bytes=99))

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BadPhoto, match="unreadable: permission denied"):
        decoder.read(tmp_path / "big.jpg")


def test_the_ending_for_a_format_is_told_by_the_content() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    assert decoder.suffix(stream.getvalue()) == ".png"
    with pytest.raises(BadPhoto, match="not a picture"):
        decoder.suffix(b"<html>photo.jpg</html>")
