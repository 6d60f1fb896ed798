"""Emblems are planted at known places of photos, and the map of the evidence must find them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from goodsight.backbones import by_name
from goodsight.backbones.backbone import Backbone, Block
from goodsight.backbones.engine import Engine, run, start
from goodsight.errors import GoodsightError
from goodsight.heads import kinds
from goodsight.heads.examples import Examples
from goodsight.heads.head import Head, Setting
from goodsight.heads.scaler import Scaler
from goodsight.model import evidence
from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.photos.resize import Resize

Floats = npt.NDArray[np.float32]
EMBLEM = 56
PLACES = [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8), (0.5, 0.5)]
"""Middles of emblems, in fractions of the photo's width and height."""
SETTINGS = [Setting("linear", 0.0, 1.0), Setting("kernel", 0.5, 0.06), Setting("cosine", 0.0, 0.1)]


def _scene(emblem: int, at: tuple[float, float], size: tuple[int, int] = (224, 224), seed: int = 0) -> Image.Image:
    """Soft patches with grain, and on them a checkered disc (0) or a striped square (1), a quarter as long."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(60, 200, (5, 5, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(-12, 13, (size[1], size[0], 1))
    picture = Image.fromarray(np.clip(np.asarray(patches, int) + grain, 0, 255).astype(np.uint8))
    sign = Image.new("RGB", (EMBLEM, EMBLEM), "white")
    pen = ImageDraw.Draw(sign)
    for i in range(0, EMBLEM, 14):
        pen.rectangle((i, 0, i + 6, EMBLEM), "black" if emblem else "red")
        if not emblem:
            pen.rectangle((0, i, EMBLEM, i + 6), "red")
    mask = Image.new("L", sign.size, 255 if emblem else 0)
    ImageDraw.Draw(mask).ellipse((0, 0, EMBLEM - 1, EMBLEM - 1), 255)
    edge = round(EMBLEM * max(size) / 224)
    left, top = (round(part * length - edge / 2) for part, length in zip(at, size, strict=True))
    picture.paste(sign.resize((edge, edge)), (left, top), mask.resize((edge, edge)))
    return picture


def _square(picture: Image.Image, resize: Resize) -> npt.NDArray[np.uint8]:
    """As the decoder makes it, without a file."""
    small = picture.resize(resize.box(*picture.size))
    out = Image.new("RGB", (resize.size, resize.size), "white")
    out.paste(small, ((resize.size - small.width) // 2, (resize.size - small.height) // 2))
    return np.asarray(out)


def _peak(found: Floats) -> tuple[float, float]:
    """The place of the most evidence, in fractions of width and height."""
    row, column = np.unravel_index(found.argmax(), found.shape)
    return (float(column) + 0.5) / found.shape[1], (float(row) + 0.5) / found.shape[0]


def _misses(found: Floats, at: tuple[float, float], size: tuple[int, int]) -> float:
    """Pixels from the peak to the middle of the emblem, along the worse axis."""
    return max(abs(a - b) * length for a, b, length in zip(_peak(found), at, size, strict=True))


@pytest.fixture(scope="module", params=[1, 2])
def views(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def network(views: int) -> Backbone:
    return by_name.load(views=views)


@pytest.fixture(scope="module")
def running(network: Backbone) -> Engine:
    return start(network.network, precision="f32")


@pytest.fixture(scope="module")
def head_of(network: Backbone, running: Engine) -> Callable[[Setting], Head]:
    """Heads that tell the emblems apart, wherever in a photo they are."""
    rng = np.random.default_rng(1)
    labels = np.arange(32) % 2
    scenes = [_scene(int(c), tuple(rng.uniform(0.15, 0.85, 2).tolist()), seed=i + 10) for i, c in enumerate(labels)]
    vectors = run(running, np.stack([_square(scene, network.resize) for scene in scenes]))
    scaler, examples = Scaler.fit(vectors, network.blocks), Examples(vectors, labels, np.arange(32) // 2 % 4)
    return lambda setting: kinds.train(setting, scaler, examples)[0]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.kind)
def test_the_peak_is_on_the_emblem(
    setting: Setting, head_of: Callable[[Setting], Head], network: Backbone, running: Engine
) -> None:
    head, numbers = head_of(setting), [i % 2 for i in range(len(PLACES))]
    pixels = [
        _square(_scene(c, at, seed=i), network.resize) for i, (c, at) in enumerate(zip(numbers, PLACES, strict=True))
    ]
    maps = evidence.maps(network, running, np.stack(pixels), head, numbers)
    assert maps.shape == (len(PLACES), 7, 7)
    assert maps.min() == 0
    assert np.allclose(maps.max(axis=(1, 2)), 1)
    for found, right in zip(maps, PLACES, strict=True):
        nearest = min(PLACES, key=lambda at: _misses(found, at, (224, 224)))
        assert nearest == right
        assert _misses(found, right, (224, 224)) <= EMBLEM * 0.75


def test_each_emblem_of_a_photo_is_found_by_its_own_class(
    head_of: Callable[[Setting], Head], network: Backbone, running: Engine
) -> None:
    both = _scene(0, (0.22, 0.5))
    both.paste(_scene(1, (0.78, 0.5)).crop((112, 0, 224, 224)), (112, 0))
    pixels = np.stack([_square(both, network.resize)] * 2)
    disc, square = evidence.maps(network, running, pixels, head_of(SETTINGS[0]), [0, 1])
    assert _misses(disc, (0.22, 0.5), both.size) <= EMBLEM * 0.75
    assert _misses(square, (0.78, 0.5), both.size) <= EMBLEM * 0.75


@pytest.mark.parametrize("size", [(360, 200), (200, 360)])
@pytest.mark.parametrize("fit", ["pad", "squash"])
def test_what_was_done_to_the_photo_is_undone(fit: str, size: tuple[int, int]) -> None:
    resize, at = Resize(224, fit), (0.8, 0.3)
    spot = Image.new("RGB", size, "black")
    middle = [round(part * length) for part, length in zip(at, size, strict=True)]
    ImageDraw.Draw(spot).ellipse((middle[0] - 20, middle[1] - 20, middle[0] + 20, middle[1] + 20), "white")
    white_outside = np.asarray(_square(spot, resize), np.float32)[..., 0]
    rows = (224 - resize.box(*size)[1]) // 2
    columns = (224 - resize.box(*size)[0]) // 2
    assert rows or columns or fit == "squash"
    found = evidence.on_photo(white_outside.reshape(112, 2, 112, 2).mean(axis=(1, 3)), resize, size)
    assert found.shape == (size[1], size[0])
    assert (found.min(), found.max()) == (0, 1)
    assert _misses(found, at, size) <= 20
    ys, xs = np.nonzero(found > 0.5)
    assert abs(float(np.ptp(xs)) - 40) < 8
    assert abs(float(np.ptp(ys)) - 40) < 8


@pytest.mark.parametrize("size", [(360, 200), (200, 360)])
def test_the_heat_is_drawn_on_the_emblem(
    size: tuple[int, int], head_of: Callable[[Setting], Head], network: Backbone, running: Engine, tmp_path: Path
) -> None:
    at, path = (0.75, 0.3), tmp_path / "scene.png"
    scene = _scene(1, at, size)
    scene.save(path)
    data, limits = decoder.read(path), DEFAULT_LIMITS
    # Drawn on grey, where the heat can be measured.
    grey = Image.new("RGB", size, "grey")
    drawn = evidence.explain(grey, data, network, running, head_of(SETTINGS[0]), 1, limits)
    changed = np.abs(np.asarray(drawn, float) - np.asarray(grey)).mean(axis=2)
    assert drawn.size == size
    # Means over squares, so that the line around the heat counts for little.
    squares = changed.reshape(size[1] // 40, 40, size[0] // 40, 40).mean(axis=(1, 3))
    assert _misses(np.asarray(squares, np.float32), at, size) <= 60
    assert squares.min() < 2
    assert changed.max() < 200


def test_the_engines_agree(head_of: Callable[[Setting], Head], network: Backbone, running: Engine) -> None:
    other = start(network.network, engine="onnxruntime")
    pixels = np.stack([_square(_scene(i, (0.3, 0.6), seed=i), network.resize) for i in (0, 1)])
    one, two = (evidence.maps(network, engine, pixels, head_of(SETTINGS[0]), [0, 1]) for engine in (running, other))
    other.close()
    assert np.allclose(one, two, atol=0.02)


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_the_first_output_is_what_submit_gives(name: str, network: Backbone) -> None:
    engine = start(network.network, engine=name, precision="f32")
    pixels = np.random.default_rng(0).integers(0, 256, (3, network.resize.size, network.resize.size, 3), np.uint8)
    before, all_of_it, after = run(engine, pixels), engine.explained(pixels), run(engine, pixels)
    engine.close()
    assert tuple(all_of_it) == engine.outputs
    assert np.array_equal(before, after)
    assert np.allclose(all_of_it[engine.outputs[0]], before, atol=1e-3)


class Canned:
    """An engine with outputs that are told to it."""

    name, precision = "canned", "f32"

    def __init__(self, **outputs: Floats) -> None:
        self._given = outputs
        self.outputs = tuple(outputs)

    def submit(self, pixels: npt.NDArray[np.uint8]) -> Future[Floats]:
        raise NotImplementedError

    def explained(self, pixels: npt.NDArray[np.uint8]) -> dict[str, Floats]:
        return self._given

    def close(self) -> None:
        pass


OWN = Backbone("own.onnx", Path("own.onnx"), "0" * 64, Resize(32), (Block("features", 2, 1.0),))
PIXELS = np.zeros((2, 32, 32, 3), np.uint8)


def _no_scores(vectors: Floats) -> Floats:
    raise AssertionError("the network's own map needs no head")


def test_a_network_without_maps_is_refused() -> None:
    with pytest.raises(
        GoodsightError,
        match=r"^`explain`: the network own\.onnx does not say where .* lite0 does, .* networks of brands",
    ):
        evidence.require(OWN, Canned(**{"places.features": np.zeros((2, 2), np.float32)}))


def test_the_networks_own_maps_are_taken_as_they_are() -> None:
    maps = np.zeros((2, 3, 4, 5), np.float32)
    maps[0, 1, 2, 4], maps[0, 0, 0, 4], maps[1, :, :, 0] = 8, -8, -1
    engine = Canned(embedding=np.zeros((2, 2), np.float32), evidence=maps)
    evidence.require(OWN, engine)
    found = evidence.maps(OWN, engine, PIXELS, _no_scores, [4, 0])
    assert found.shape == (2, 3, 4)
    assert found[0, 1, 2] == 1
    assert found.sum() == 1


def test_a_brand_that_exceeds_the_threshold_has_a_map_and_none_has_nothing() -> None:
    brands = replace(OWN, blocks=(Block("features", 2, 1.0), Block("classes", 3, 0.0)))
    maps = np.full((2, 2, 2, 3), -9, np.float32)
    maps[:, 0, 1, 2], maps[:, 1, 1, 2], maps[:, 0, 0, 1] = -1, -3.5, 5
    embedding = np.zeros((2, 5), np.float32)
    embedding[:, 2:] = -9, -4, -1  # the threshold of the middle class, which is none, is -4
    found = evidence.maps(brands, Canned(embedding=embedding, evidence=maps), PIXELS, _no_scores, [2, 1], 1)
    assert np.allclose(found[0], np.array([[0, 1], [0, 1 / 6]]))
    assert not found[1].any()


def _boxed(at: Sequence[float]) -> npt.NDArray[np.uint8]:
    plain = Image.new("RGB", (400, 200), "white")
    left, top, right, bottom = at
    box = round(400 * left), round(200 * top), round(400 * right), round(200 * bottom)
    return np.asarray(evidence.draw_box(plain, box, "Nike"))


@pytest.mark.parametrize("at", [(0.25, 0.5, 0.75, 0.9), (0.0, 0.0, 1.0, 1.0), (0.9, 0.0, 0.95, 0.1)])
def test_a_box_is_a_frame_around_its_part(at: Sequence[float]) -> None:
    drawn = _boxed(at)
    assert drawn.shape == (200, 400, 3)
    marked = (drawn != 255).any(axis=2)
    left, top, right, bottom = (round(part * length) for part, length in zip(at, (400, 200, 400, 200), strict=True))
    assert marked[top:bottom, min(left, 399)].all()
    assert marked[min(top, 199), left:right].all()
    if bottom - top > 100 or right - left > 100:
        assert not marked[(top + bottom) // 2 + 20, (left + right) // 2]
