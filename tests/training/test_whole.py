from pathlib import Path

import drawn
import numpy as np
import pytest
import torch

from goodsight.backbones.engine import start
from goodsight.catalog.rows import Row
from goodsight.errors import EngineError
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.progress import quiet
from goodsight.training import whole
from goodsight.training.device import Device
from goodsight.training.networks import build
from goodsight.training.recipe import Recipe, Trained, TrainingSet

PER_KIND = 12


@pytest.fixture(scope="module")
def photos(sound: dict[str, list[Path]]) -> TrainingSet:
    rows = [Row(path.name, path, (kind,)) for kind in drawn.KINDS for path in sound[kind][:PER_KIND]]
    labels = np.array([drawn.KINDS.index(row.labels[0]) for row in rows])
    # The first two photos of each kind are taken for twins.
    groups = np.array([max(i, 1) if i < 2 else i for _ in drawn.KINDS for i in range(PER_KIND)])
    return TrainingSet(tuple(rows), labels, groups + 100 * labels, DEFAULT_LIMITS)


@pytest.fixture(
    scope="module",
    params=[("compact", True), ("compact", False), ("lite0:tuned", True), ("lite0:tuned", False)],
    ids=str,
)
def trained(request: pytest.FixtureRequest, photos: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network from nothing, and the default one fine-tuned as a whole, as on a GPU; in both precisions."""
    network, bf16 = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "choose", lambda _: Device(torch.device("cpu"), bf16))
        recipe = Recipe(network, size=64, epochs=2, distort=True, device="cpu")
        return whole.train(recipe, photos, tmp_path_factory.mktemp("whole"), quiet)


def test_only_watched_photos_have_scores(trained: Trained, photos: TrainingSet) -> None:
    scored = np.flatnonzero(np.isfinite(trained.scores).all(axis=1))
    assert scored.tolist() == trained.watched.tolist()
    assert 4 <= len(scored) <= 16
    assert np.isnan(np.delete(trained.scores, scored, axis=0)).all()


def test_no_twin_of_a_watched_photo_is_trained_on(trained: Trained, photos: TrainingSet) -> None:
    watched = set(photos.groups[trained.watched].tolist())
    assert not watched & set(np.delete(photos.groups, trained.watched).tolist())


@pytest.mark.parametrize("name", ["compact", "lite0", "smallervgg"])
def test_the_onnx_file_says_what_torch_says(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build(name, 3, 64).eval()
    network.finish()
    whole.export([network], 64, tmp_path / "network.onnx")
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    engine = start(tmp_path / "network.onnx", precision="f32")
    given = engine.submit(pixels.numpy()).result()
    with torch.no_grad():
        features = network.features(whole.normal(pixels.permute(0, 3, 1, 2).float()))
        expected = torch.cat([features, network.last(features)], dim=1).numpy()
    assert np.allclose(given, expected, atol=1e-3 * np.abs(expected).max())


def test_members_are_watched_on_different_photos_and_the_network_is_their_mean(
    photos: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "FEW", 1)
    monkeypatch.setattr(whole, "MEMBERS", {"compact": 2})
    made = whole.train(Recipe("compact", size=64, epochs=1, device="cpu"), photos, tmp_path, quiet)
    assert set(made.history) == {"member 1 of 2", "member 2 of 2"}
    assert set(made.folds.tolist()) == {0, 1, 2}
    assert (np.isfinite(made.scores).all(axis=1) == (made.folds < 2)).all()
    assert not set(photos.groups[made.folds == 0].tolist()) & set(photos.groups[made.folds == 1].tolist())
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    given = {}
    for path in ("network", "one", "member-0", "member-1"):
        engine = start(tmp_path / f"{path}.onnx", precision="f32")
        given[path] = engine.submit(pixels).result()
        engine.close()
    scores = {path: vectors[:, -len(drawn.KINDS) :] for path, vectors in given.items()}
    assert np.allclose(scores["network"], (scores["member-0"] + scores["member-1"]) / 2, atol=1e-3)
    assert not np.allclose(scores["member-0"], scores["member-1"], atol=1e-2)
    assert np.allclose(scores["one"], scores["member-0"], atol=1e-3)
    assert given["one"].shape == given["network"].shape == (4, made.backbone.width)


def test_compact_looks_closely_once_it_is_trained() -> None:
    torch.manual_seed(0)
    network, photo = build("compact", 3).eval(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        plain = network(photo)
        network.finish()
        assert not torch.allclose(network(photo), plain)
        assert torch.allclose(network(photo), network(photo.flip(3)), atol=1e-5)


def test_a_class_of_one_photo_is_trained_on() -> None:
    labels = np.array([0] * 20 + [1] * 20 + [2])
    for seed in range(5):
        groups = np.random.default_rng(seed).permutation(len(labels))
        (held,) = whole.watched(labels, groups, 1)
        assert not held[labels == 2].any()
        assert 4 <= held.sum() <= 12


def test_too_few_photos_are_refused_with_a_way_out() -> None:
    with pytest.raises(EngineError, match="6 photos are too few to train a network from them; use the default"):
        whole.watched(np.array([0, 0, 0, 1, 1, 1]), np.arange(6), 1)


def test_augmented_samples_are_photos(trained: Trained) -> None:
    assert trained.samples.shape == (24, 64, 64, 3)
    assert trained.samples.dtype == np.uint8
    assert 40 < trained.samples.mean() < 250
