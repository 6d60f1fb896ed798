import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from goodsight.backbones.naming import Naming
from goodsight.errors import EngineError
from goodsight.files import cache_folder
from goodsight.photos import words
from goodsight.photos.limits import BadPhoto
from goodsight.photos.words import READ_AT, Line

NEEDED = "reading words needs rapidocr: pip install 'goodsight[text]'"


def _photo(text: str, at: tuple[int, int] = (60, 40)) -> bytes:
    picture = Image.new("RGB", (320, 240), (90, 120, 90))
    ImageDraw.Draw(picture).text(at, text, "white", ImageFont.load_default(36))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def forgetful() -> Any:
    """What was found out about the package before or in the test is forgotten."""
    words.reader.cache_clear()
    yield
    words.reader.cache_clear()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A reader that finds one line in every photo, and how often it was asked."""
    asked: list[int] = []

    def engine(pixels: Any) -> Any:
        asked.append(1)
        corners = np.array([[96, 192], [480, 200], [480, 288], [100, 280]])
        return SimpleNamespace(txts=("café",), scores=(0.87654321,), boxes=[corners])

    monkeypatch.setattr(words, "reader", lambda: "counted-1")
    monkeypatch.setattr(words, "_engine", lambda: engine)
    return asked


def test_words_are_read_where_they_stand() -> None:
    pytest.importorskip("rapidocr", reason=NEEDED)
    (line,) = words.of_photo(_photo("VODAFONE"))
    assert line.text.upper() == "VODAFONE"
    assert line.sure > 0.5
    # The photo is 320 x 240 in a square of 320, so it begins 40 below the top; the word is about 200 x 30.
    left, top, right, bottom = (share * 320 for share in line.place)
    assert (left, right) == pytest.approx((60, 270), abs=25)
    assert (top, bottom) == pytest.approx((88, 116), abs=15)


@pytest.mark.parametrize(
    ("text", "brand"), [("Coca-Cola", "cocacola"), ("RED\nBULL", "red_bull"), ("yahoo.com", "Yahoo")]
)
def test_a_written_brand_is_named(text: str, brand: str) -> None:
    pytest.importorskip("rapidocr", reason=NEEDED)
    names = ("Yahoo", "cocacola", "red_bull", "")
    sure = Naming(names, 1.0).named(words.of_photo(_photo(text))).sure
    assert [name for name, one in zip(names, sure, strict=True) if one > 0] == [brand]


def test_a_photo_without_words_has_none() -> None:
    pytest.importorskip("rapidocr", reason=NEEDED)
    assert words.of_photo(_photo("")) == ()


def test_the_package_brings_its_networks_and_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rapidocr", reason=NEEDED)

    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr(words, "_own", SimpleNamespace())
    assert words.of_photo(_photo("HEINEKEN"))


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch, forgetful: None) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    monkeypatch.setattr(words, "find_spec", lambda name: None)
    monkeypatch.setattr(words, "_own", SimpleNamespace())
    message = r"reading text in photos needs rapidocr: install it with `pip install 'goodsight\[text\]'`"
    for call in (words.reader, lambda: words.read(np.zeros((960, 960, 3), np.uint8))):
        with pytest.raises(EngineError, match=message):
            call()


def test_a_package_without_its_networks_is_refused(
    monkeypatch: pytest.MonkeyPatch, forgetful: None, tmp_path: Path
) -> None:
    monkeypatch.setattr(words, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)]))
    monkeypatch.setattr(words, "version", lambda name: "9.9")
    with pytest.raises(EngineError, match=r"rapidocr 9\.9: holds no PP-OCRv6_det_small\.onnx, .* another version"):
        words.reader()


def test_lines_are_in_shares_of_the_square(counted: list[int]) -> None:
    assert words.read(np.zeros((READ_AT.size, READ_AT.size, 3), np.uint8)) == (
        Line("café", 0.8765, (0.1, 0.2, 0.5, 0.3)),
    )


def test_words_are_kept_if_that_is_wished(counted: list[int]) -> None:
    found = [words.of_photo(_photo("a"), kept=kept) for kept in (False, True, True, False)]
    assert len(counted) == 3
    assert len(set(found)) == 1


@pytest.mark.parametrize("damage", [b"", b"[[1]]", b"{", b"7"])
def test_words_that_cannot_be_read_back_are_read_again(damage: bytes, counted: list[int]) -> None:
    data = _photo("damaged " + damage.decode())
    found = words.of_photo(data, kept=True)
    newest = max((cache_folder() / "words" / "counted-1").rglob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(damage)
    assert words.of_photo(data, kept=True) == found
    assert len(counted) == 2


@pytest.mark.parametrize("read", [words.of_photo, lambda data: words.of_photo(data, kept=True)])
def test_a_bad_photo_has_its_reason(read: Callable[[bytes], object], counted: list[int]) -> None:
    with pytest.raises(BadPhoto, match="not a picture"):
        read(b"no photo")
    assert counted == []
