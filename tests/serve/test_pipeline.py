"""The service's way through a photo gives the command line's answer, and a failure reaches who waits."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import goodsight
from goodsight import Work
from goodsight.arrays import Array, Pixels
from goodsight.backbones.engine import Engine
from goodsight.flow.training import Training
from goodsight.model.record import LoadedModel
from goodsight.model.verdicts import Prediction
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto
from goodsight.serve.decoders import Decoders
from goodsight.serve.pipeline import BATCH, Pipeline


class Broken:
    """An engine that fails."""

    name, precision = "broken", "f32"
    outputs = ("embedding",)

    def submit(self, pixels: Pixels) -> "Future[Array]":
        failed: Future[Array] = Future()
        failed.set_exception(RuntimeError(f"cannot run {len(pixels)} photos"))
        return failed

    def explained(self, pixels: Pixels) -> "dict[str, Array]":
        return {"embedding": self.submit(pixels).result()}

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(2, DEFAULT_LIMITS, 10)
    yield made
    made.close()


@pytest.fixture
def model(trained: Training) -> LoadedModel:
    return goodsight.load(trained.folder)


def test_the_answers_are_those_of_classify(
    model: LoadedModel, loaded: LoadedModel, decoders: Decoders, sound: dict[str, list[Path]]
) -> None:
    files = [path for kind in sound.values() for path in kind[:6]]
    sizes: list[int] = []
    pipeline = Pipeline(model, decoders, sizes.append)

    async def ask() -> list[Prediction]:
        return await asyncio.gather(*[pipeline.predict(path.read_bytes()) for path in files])

    found = asyncio.run(ask())
    pipeline.close()
    expected = list(goodsight.classify(loaded, *files, work=Work(cache=False)))
    assert [p.label for p in found] == [p.label for p in expected]
    one, two = ([p.answers[0].probabilities for p in answered] for answered in (found, expected))
    assert np.allclose(one, two, atol=0.05)
    assert sum(sizes) == len(files)
    assert 1 < max(sizes) <= BATCH


def test_a_bad_photo_fails_alone(model: LoadedModel, decoders: Decoders, sound: dict[str, list[Path]]) -> None:
    pipeline = Pipeline(model, decoders)

    async def ask() -> list[Prediction | BaseException]:
        good = sound["bag"][0].read_bytes()
        return await asyncio.gather(
            *[pipeline.predict(data) for data in (good, good[:400], good)], return_exceptions=True
        )

    first, bad, last = asyncio.run(ask())
    pipeline.close()
    assert isinstance(bad, BadPhoto)
    assert isinstance(first, Prediction)
    assert isinstance(last, Prediction)


def test_a_failing_engine_is_told_to_who_waits(
    loaded: LoadedModel, decoders: Decoders, sound: dict[str, list[Path]]
) -> None:
    broken: Engine = Broken()
    pipeline = Pipeline(replace(loaded, engine=broken), decoders)
    with pytest.raises(RuntimeError, match="cannot run 1 photos"):
        asyncio.run(pipeline.predict(sound["bag"][0].read_bytes()))
    pipeline.close()
