"""The colour block sees a product's colour, not its shape or the ground; heads can tell colour and kind apart."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from lite0_in_torch import Reference

from goodsight.arrays import Array, Ints
from goodsight.backbones import colour, lite0_graph
from goodsight.backbones.backbone import Block
from goodsight.backbones.engine import run, start
from goodsight.backbones.graph import FLOATS, Graph
from goodsight.heads import kinds, scaler, search
from goodsight.heads.examples import Examples
from goodsight.heads.head import Kind, Setting
from goodsight.heads.scaler import Scaler

PAINTS = {"red": (200, 30, 40), "navy": (25, 35, 90), "grey": (128, 128, 128), "pale": (225, 232, 240)}


def _photo(paint: tuple[int, int, int], box: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
    left, top, right, bottom = box
    photo = np.full((224, 224, 3), 255, np.uint8)
    photo[top:bottom, left:right] = paint
    return photo


def _block(photos: list[npt.NDArray[np.uint8]], folder: Path) -> npt.NDArray[np.float32]:
    graph = Graph(224)
    pixels = graph.add("Cast", graph.pixels, to=FLOATS).turned(0, 3, 1, 2)
    graph.output(colour.block(pixels, graph.weight(np.ones((len(photos), 7, 7))), 224), "embedding", [colour.WIDTH])
    graph.write(folder / "block.onnx")
    return run(start(folder / "block.onnx", engine="onnxruntime"), np.stack(photos))


def _cosine(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("paint", PAINTS.values(), ids=PAINTS.keys())
def test_the_block_is_the_same_whatever_the_shape_and_the_padding(paint: tuple[int, int, int], tmp_path: Path) -> None:
    wide, tall, small = _block(
        [_photo(paint, box) for box in ((0, 56, 224, 168), (80, 0, 144, 224), (92, 92, 132, 132))], tmp_path
    )
    assert wide.shape == (colour.WIDTH,)
    assert _cosine(wide, tall) > 0.98
    assert _cosine(wide, small) > 0.98


def test_colours_lie_apart(tmp_path: Path) -> None:
    blocks = _block([_photo(paint, (40, 40, 184, 184)) for paint in PAINTS.values()], tmp_path)
    for i in range(len(blocks)):
        for other in blocks[:i]:
            assert _cosine(blocks[i], other) < 0.75


def test_a_white_photo_has_finite_columns(tmp_path: Path) -> None:
    photos = [_photo((255, 255, 255), (0, 0, 1, 1)), _photo((0, 0, 0), (0, 0, 224, 224))]
    assert np.isfinite(_block(photos, tmp_path)).all()


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_the_engine_computes_what_torch_does(precision: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photos = [_photo(paint, (60, 40, 170, 200)) for paint in PAINTS.values()]
    noisy = [np.clip(p + rng.normal(0, 12, p.shape), 0, 255).astype(np.uint8) for p in photos]
    lite0_graph.write(tmp_path / "n.onnx", 224, colours=True)
    engine = start(tmp_path / "n.onnx", engine="openvino", precision=precision)
    found = engine.submit(np.stack(noisy)).result()[:, -colour.WIDTH :]
    engine.close()
    with torch.no_grad():
        embedding, *_ = Reference(224, 1, colours=True, grey=False)(torch.from_numpy(np.stack(noisy)))
    expected = embedding.numpy()[:, -colour.WIDTH :]
    for one, two in zip(found, expected, strict=True):
        assert _cosine(one, two) > (0.9999 if precision == "f32" else 0.98)


BLOCKS = (Block("head", 30, 1.0), Block("colour", 12, 0.0))


def _attributes() -> tuple[Array, Ints, Ints]:
    """Three colours by three kinds: the head block shows the kind, and the colour as it looks on that kind."""
    rng = np.random.default_rng(0)
    paints, kinds, mixed = rng.normal(size=(3, 12)), rng.normal(size=(3, 30)), rng.normal(size=(9, 30))
    paint, kind = np.repeat(np.arange(3), 60), np.tile(np.arange(3), 60)
    seen = 2 * kinds[kind] + mixed[3 * paint + kind] + 0.3 * rng.normal(size=(180, 30))
    own = paints[paint] + 0.3 * rng.normal(size=(180, 12))
    return np.hstack([seen, own]).astype(np.float32), paint, kind


def test_scalers_are_those_of_the_views_that_blocks_allow() -> None:
    x = _attributes()[0]
    views = scaler.scalers(x, BLOCKS)
    assert views.keys() == {"", "colour"}
    assert not views[""](x)[:, 30:].any()
    assert not views["colour"](x)[:, :30].any()
    assert scaler.scalers(x[:, :30], BLOCKS[:1]).keys() == {""}


def test_a_head_for_colour_is_chosen_that_knows_combinations_it_never_saw() -> None:
    x, paint, kind = _attributes()
    combination = 3 * paint + kind
    folds = np.random.default_rng(1).integers(0, 5, len(x))
    views = scaler.scalers(x, BLOCKS)
    fit = search.fit(Examples(x, paint, folds, kind), views, search.BESIDE_OTHERS)
    assert fit.head.setting.view == "colour"
    assert (fit.head(x).argmax(axis=1) == paint).mean() > 0.95
    hidden = kinds.train(fit.head.setting, views["colour"], Examples(x, paint, combination, kind))[1]
    assert (hidden.argmax(axis=1) == paint).mean() > 0.95
    plain = kinds.train(search.CANDIDATES[1], views[""], Examples(x, paint, combination))[1]
    assert (plain.argmax(axis=1) == paint).mean() < 0.7


# A curved head may bend around what is set aside, and so takes less of it.
@pytest.mark.parametrize(("kind", "gamma", "much"), [("cosine", 0.0, 2.0), ("curved", 0.5, 0.5)])
def test_what_is_set_aside_hardly_matters(kind: Kind, gamma: float, much: float) -> None:
    x, paint, other = _attributes()
    x[:, 30:] += much * np.random.default_rng(5).normal(size=(3, 12)).astype(np.float32)[other]
    view = scaler.scalers(x, BLOCKS)["colour"]
    setting = Setting(kind, gamma, 0.1, "colour", 8.0)
    head, scores = kinds.train(setting, view, Examples(x, paint, 3 * paint + other, other))
    assert (scores.argmax(axis=1) == paint).mean() > 0.95
    assert (head(x).argmax(axis=1) == paint).mean() > 0.95


def test_one_attribute_is_learnt_as_before() -> None:
    x, paint, _ = _attributes()
    folds = np.random.default_rng(1).integers(0, 5, len(x))
    trials = search.fit(Examples(x, paint, folds), {"": Scaler.fit(x, BLOCKS)}).trials
    assert tuple(trial.setting for trial in trials) == search.CANDIDATES
