import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import drawn
import numpy as np
import pytest
import torch

from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import start
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.table import Table
from goodsight.errors import EngineError
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.progress import quiet
from goodsight.training import tuned as last_blocks
from goodsight.training.device import Device
from goodsight.training.recipe import Recipe, Trained, TrainingSet
from goodsight.training.road import train_network

SIZE = 64


@pytest.fixture(scope="module")
def photos(easy: Path) -> TrainingSet:
    rows = [Row(path.name, path, (kind,)) for kind in drawn.KINDS for path in sorted((easy / kind).iterdir())[:10]]
    labels = np.array([drawn.KINDS.index(row.labels[0]) for row in rows])
    return TrainingSet(tuple(rows), labels, np.arange(len(rows)), DEFAULT_LIMITS)


@pytest.fixture(scope="module", params=[(1, True), (2, False)], ids=["one view, bf16", "two views, f32"])
def mode(request: pytest.FixtureRequest) -> tuple[int, bool]:
    """How many views, and whether torch multiplies in bfloat16, whatever this processor prefers."""
    views, bf16 = request.param
    return views, bf16


@pytest.fixture(scope="module")
def tuned(mode: tuple[int, bool], photos: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Fine-tuned a little."""
    views, bf16 = mode
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_blocks, "choose", lambda _: Device(torch.device("cpu"), bf16))
        if not bf16:
            # The frozen blocks run in the engine, which would take bfloat16 where the processor has it.
            patch.setenv("GOODSIGHT_ENGINE", "onnxruntime")
        patch.setattr(last_blocks, "VIEWS", 3)
        recipe = Recipe("lite0:tuned", size=SIZE, views=views, epochs=12, device="cpu")
        return train_network(recipe, photos, tmp_path_factory.mktemp("tuned"), quiet)


def _table(rows: Sequence[Row], backbone: Backbone, precision: str = "") -> Table:
    with closing(start(backbone.network, precision=precision)) as engine:
        return Embedder(backbone, engine=engine, cached=False).table(rows)


def test_the_onnx_file_says_what_was_measured_in_torch(
    tuned: Trained, mode: tuple[int, bool], photos: TrainingSet
) -> None:
    witness = tuned.witness
    columns = witness.columns("classes")
    table = _table([photos.rows[i] for i in tuned.watched], witness, "" if mode[1] else "f32")
    given, measured = table.vectors[:, columns], tuned.scores[tuned.watched]
    assert len(given) == 10
    assert np.abs(given - measured).max() < 0.05 * np.abs(measured).max()


def test_every_photo_has_scores_from_a_member_that_did_not_see_it(tuned: Trained, photos: TrainingSet) -> None:
    assert np.isfinite(tuned.scores).all()
    assert list(tuned.history) == [f"member {i} of 4" for i in (1, 2, 3, 4)]
    assert (tuned.scores.argmax(axis=1) == photos.labels).mean() > 0.5  # chance is 0.25


def test_the_embedding_is_the_frozen_one_and_the_scores(tuned: Trained, photos: TrainingSet) -> None:
    from goodsight.backbones import lite0_file

    both = tuned.backbone.resize.size > SIZE
    frozen = lite0_file.backbone(SIZE, 2 if both else 1)
    assert tuned.backbone.width == frozen.width + len(drawn.KINDS)
    rows = photos.rows[:6]
    plain = _table(rows, frozen, "f32").vectors
    more = _table(rows, tuned.backbone, "f32").vectors
    assert np.allclose(more[:, : frozen.width], plain, atol=0.02)


def test_the_scores_are_pooled_from_those_of_the_places(tuned: Trained) -> None:
    backbone, side = tuned.backbone, tuned.backbone.resize.size
    engine = start(backbone.network, precision="f32")
    found = engine.explained(np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8))
    engine.close()
    assert engine.outputs == ("embedding", "places.classes")
    places = found["places.classes"]
    assert places.shape == (3, 1 if side == SIZE else 2, SIZE // 32, SIZE // 32, len(drawn.KINDS))
    assert np.allclose(places.mean(axis=(1, 2, 3)), found["embedding"][:, backbone.columns("classes")], atol=1e-3)


def test_a_full_disk_is_named_before_any_work(
    photos: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Full)
    with pytest.raises(EngineError, match=r"fine-tuning 40 photos needs .* GiB free"):
        train_network(Recipe("lite0:tuned", size=SIZE, device="cpu"), photos, tmp_path / "run", quiet)
    assert not list((tmp_path / "run").glob("view*"))
