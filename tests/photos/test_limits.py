"""A limit that is accepted is kept, and what it lets through is decoded."""

import io
import struct
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import raw_photos
from PIL import Image

from goodsight.photos import decoder, formats
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.resize import Resize

SMALL = Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 40, 3)).astype(np.uint8))


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _claims(data: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header says another size."""
    at = next(at for at in range(len(data)) if data[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def _reason(data: bytes, limits: Limits = Limits()) -> str:  # noqa: B008
    with pytest.raises(BadPhoto) as caught:
        decoder.decode(data, Resize(32), limits)
    return str(caught.value)


def test_a_large_jpeg_is_used_by_default_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodsight.photos.limits.WHOLE", 1000)
    monkeypatch.setattr("goodsight.photos.limits.REDUCED", 2000)
    jpeg, png = _saved(SMALL, "JPEG"), _saved(SMALL, "PNG")  # 1200 pixels
    decoder.decode(jpeg, Resize(8))
    assert decoder.upright_size(jpeg) == (40, 30)
    assert _reason(png).startswith("too large: 0.0 megapixels")
    # Where the whole scale is needed, the limit is that of the whole scale.
    assert _reason(jpeg).startswith("too large")
    with pytest.raises(BadPhoto, match="too large"):
        decoder.open_rgb(jpeg)
    assert decoder.open_rgb(jpeg, at_least=4).size == (10, 8)
    for data in (jpeg, png):
        decoder.decode(data, Resize(32), Limits(max_pixels=1200))
        assert _reason(data, Limits(max_pixels=1199)).startswith("too large")
    assert _reason(_saved(SMALL.resize((50, 50)), "JPEG")).startswith("too large")


def test_the_default_is_200_megapixels_for_jpeg_and_64_for_others() -> None:
    jpeg = _saved(SMALL, "JPEG")
    assert decoder.upright_size(_claims(jpeg, 12_000, 9_000)) == (12_000, 9_000)
    with pytest.raises(BadPhoto, match=r"too large: 210\.0 megapixels, the limit is 200"):
        decoder.upright_size(_claims(jpeg, 21_000, 10_000))
    header = struct.pack(">IIBBBBB", 10_000, 9_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + raw_photos.chunk(b"IHDR", header) + raw_photos.chunk(b"IDAT", b"\0" * 8)
    assert _reason(png) == "too large: 90.0 megapixels, the limit is 64"
    assert decoder.upright_size(png, Limits(max_pixels=90_000_000)) == (10_000, 9_000)


def test_a_large_jpeg_of_several_scans_is_held_to_the_memory_that_it_takes() -> None:
    for options, allowed in (({"subsampling": 2}, True), ({"subsampling": 0}, False)):
        data = _claims(_saved(SMALL, "JPEG", progressive=True, **options), 12_000, 9_000)
        if allowed:
            assert decoder.upright_size(data) == (12_000, 9_000)
        else:
            with pytest.raises(BadPhoto, match="several scans, which takes 648 MB; the limit is 512"):
                decoder.upright_size(data)
        assert decoder.upright_size(data, Limits(max_pixels=200_000_000)) == (12_000, 9_000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("as_errors", [False, True])
def test_pillow_s_own_ceiling_is_not_ours(kind: str, as_errors: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder.open_rgb(_saved(SMALL, "PNG"))
    data = _saved(SMALL, kind)
    packed = _saved(SMALL, "TIFF", compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # 1200 pixels are far more than twice as many
    with warnings.catch_warnings():
        warnings.simplefilter("error" if as_errors else "ignore", Image.DecompressionBombWarning)
        assert decoder.open_rgb(data).size == (40, 30)
        assert decoder.open_rgb(packed).size == (40, 30)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_where_pillow_s_ceiling_cannot_be_passed_by_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _saved(SMALL, "WEBP")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert _reason(data).startswith("too large: WEBP: Image size (1200 pixels) exceeds limit of 200 pixels")


def test_a_webp_is_refused_before_its_reader_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = SMALL.copy()
    layer.putalpha(9)
    data = bytearray(_saved(layer, "WEBP"))
    assert data[12:16] == b"VP8X"
    data[24:30] = (15_999).to_bytes(3, "little") * 2
    monkeypatch.setattr(formats, "_reader", lambda kind: pytest.fail("it was opened"))
    assert _reason(bytes(data)) == "too large: 256.0 megapixels, the limit is 64"


def test_108_megapixels_take_little_memory() -> None:
    """In a process of its own, whose largest memory is that of this photo."""
    code = """
import io, resource, sys
from PIL import Image
from goodsight.photos import decoder
from goodsight.photos.resize import Resize
data = sys.stdin.buffer.read()
small = io.BytesIO()
Image.new("RGB", (300, 300)).save(small, "JPEG")
decoder.decode(small.getvalue(), Resize(224))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert decoder.decode(data, Resize(224)).shape == (224, 224, 3)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    # Blocks without change take no time to write: a grey photo of one quarter of a bit per block.
    photo = _saved(Image.new("L", (12_000, 9_000), 200), "JPEG", quality=20)
    done = subprocess.run([sys.executable, "-c", code], input=photo, capture_output=True, check=True, timeout=60)
    assert int(done.stdout) < 40  # MB; whole it would take 108 or more
