"""A decoding process gives what the decoder gives; one that hangs or dies is replaced, and the others go on."""

import io
import os
import signal
import time
from collections.abc import Iterator

import drawn
import numpy as np
import pytest
from PIL import Image

from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.photos.resize import Resize
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


def test_a_decoder_that_dies_is_replaced(jpeg: bytes) -> None:
    one = Decoders(1, DEFAULT_LIMITS, 10)
    process = one._workers[0]._process
    process.kill()
    process.join()
    with pytest.raises(BadPhoto, match="its decoder crashed"):
        one.pixels(jpeg, RESIZE).result()
    assert one.pixels(jpeg, RESIZE).result().shape == (224, 224, 3)
    one.close()
