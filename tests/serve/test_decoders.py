"""A decoding process gives what the decoder gives; one that hangs or dies is replaced, and the others go on."""

import io
import os
import signal
import struct
import time
import zlib
from collections.abc import Iterator

import drawn
import numpy as np
import pytest
from PIL import Image

from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.photos.resize import Resize
from goodsight.serve.allowance import Allowance, BusyError
from goodsight.serve.decoders import Decoders, DecodeTimeoutError

RESIZE = Resize(224)


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return drawn.megapixel(np.random.default_rng(1))


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(2, DEFAULT_LIMITS, 10)
    yield made
    made.close()


def test_the_pixels_are_those_of_the_decoder(decoders: Decoders, jpeg: bytes) -> None:
    assert np.array_equal(decoders.pixels(jpeg, RESIZE).result(), decoder.decode(jpeg, RESIZE))


def test_many_at_once_are_not_mixed_up(decoders: Decoders) -> None:
    made = []
    for value in range(40):
        out = io.BytesIO()
        Image.new("RGB", (20, 20), (value, value, value)).save(out, "PNG")
        made.append(decoders.pixels(out.getvalue(), RESIZE))
    assert [int(future.result()[100, 100, 0]) for future in made] == list(range(40))


def test_a_picture_is_made_anew(decoders: Decoders, jpeg: bytes) -> None:
    data = decoders.picture(jpeg + b"<script>", 200).result()
    assert b"<script>" not in data
    assert max(Image.open(io.BytesIO(data)).size) == 200


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty"), (b"no picture", "not a picture")])
def test_a_bad_photo_has_its_reason(decoders: Decoders, data: bytes, reason: str) -> None:
    with pytest.raises(BadPhoto) as caught:
        decoders.pixels(data, RESIZE).result()
    assert caught.value.reason == reason


def test_limits_hold_in_the_process(jpeg: bytes) -> None:
    small = Decoders(1, Limits(max_bytes=len(jpeg), max_pixels=1000), 10)
    with pytest.raises(BadPhoto, match="megapixels"):
        small.pixels(jpeg, RESIZE).result()
    with pytest.raises(BadPhoto, match="MiB"):
        small.pixels(jpeg + b"x", RESIZE).result()
    small.close()


def test_a_photo_that_takes_too_long_is_stopped(jpeg: bytes) -> None:
    one = Decoders(1, DEFAULT_LIMITS, 0.5)
    one.pixels(jpeg, RESIZE).result()
    os.kill(one._workers[0]._process.pid or 0, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(DecodeTimeoutError, match=r"more than 0\.5 s"):
        one.pixels(jpeg, RESIZE).result()
    assert time.monotonic() - start < 5
    assert one.pixels(b"x" * 100, RESIZE).exception() is not None
    one.close()


def _dear() -> bytes:
    """The header of a photo of 64 megapixels and 16 bits, and nothing of its pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 8000, 8000, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def test_expensive_photos_wait_apart_and_only_so_many(jpeg: bytes) -> None:
    some = Decoders(1, DEFAULT_LIMITS, 30, Allowance(1))
    process = some._dear_workers[0]._process.pid or 0
    os.kill(process, signal.SIGSTOP)
    first, second = (some.pixels(_dear(), RESIZE) for _ in range(2))
    with pytest.raises(BusyError, match="others wait already"):
        second.result()
    assert some.pixels(jpeg, RESIZE).result().shape == (224, 224, 3)
    assert not first.done()
    os.kill(process, signal.SIGCONT)
    assert isinstance(first.exception(), BadPhoto)
    some.close()


def test_a_photo_that_only_looked_cheap_gets_its_time_elsewhere(jpeg: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodsight.serve.decoders.CHEAP_SECONDS", 0.3)
    one = Decoders(1, DEFAULT_LIMITS, 30)
    os.kill(one._workers[0]._process.pid or 0, signal.SIGSTOP)
    assert np.array_equal(one.pixels(jpeg, RESIZE).result(), decoder.decode(jpeg, RESIZE))
    assert one.pixels(jpeg, RESIZE).result().shape == (224, 224, 3)
    one.close()


def test_a_decoder_that_dies_is_replaced(jpeg: bytes) -> None:
    one = Decoders(1, DEFAULT_LIMITS, 10)
    process = one._workers[0]._process
    process.kill()
    process.join()
    with pytest.raises(BadPhoto, match="its decoder crashed"):
        one.pixels(jpeg, RESIZE).result()
    assert one.pixels(jpeg, RESIZE).result().shape == (224, 224, 3)
    one.close()
