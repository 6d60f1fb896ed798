"""Models of every road leave as one file that answers as they do."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from golden import ENGINE, ROADS

import goodsight
from goodsight import Recipe, Wishes, Work
from goodsight.arrays import Half, Pixels
from goodsight.backbones.engine import run, start
from goodsight.backbones.naming import Naming
from goodsight.errors import CatalogError, EngineError, FolderExistsError, GoodsightError, ModelError
from goodsight.exporting import composed, contract, openvino_files
from goodsight.flow import export as story
from goodsight.model import folder as model_folder
from goodsight.model.record import LoadedModel, Model
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto

TWO_VIEWS = "two views"


def _two_views(root: Path) -> Path:
    ROADS["label"].draw(root)
    recipe = Recipe(size=64, views=2)
    goodsight.train(root / "photos", root / "model", recipe=recipe, wishes=Wishes(budget=0, spoilt=0))
    return root


def _embedded(model: Model, pixels: Pixels) -> Half:
    """In float32, as the exported file counts."""
    engine = start(model.backbone.network, engine="onnxruntime")
    vectors = run(engine, pixels).astype(np.float16)
    engine.close()
    return vectors


def _pixels(model: Model, photos: Path, most: int = 40) -> Pixels:
    paths = sorted(path for path in photos.rglob("*") if path.suffix in (".jpg", ".png"))
    data = [path.read_bytes() for path in paths[:: max(1, len(paths) // most)]]
    found = []
    for one in data:
        try:
            found.append(decoder.decode(one, model.backbone.resize))
        except BadPhoto:
            continue
    return np.stack(found)


@pytest.mark.parametrize("way", [*ROADS, TWO_VIEWS])
def test_answers_are_those_of_the_model(
    way: str, road_root: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The engine that the roads were trained with.
    for name, value in ENGINE.items():
        monkeypatch.setenv(name, value)
    root = _two_views(tmp_path) if way == TWO_VIEWS else road_root(way)
    done = goodsight.export(root / "model", tmp_path / "model.onnx")
    assert done.off < 1e-3
    model, _ = model_folder.read(root / "model")
    pixels = _pixels(model, root)
    vectors = _embedded(model, pixels)
    found = composed.answered(str(done.path), pixels)
    for judge in model.judges:
        probabilities = judge.probabilities(vectors)
        assert np.abs(found[contract.output("probabilities", judge)] - probabilities).max() < 1e-3
        # A score that is equal to a known one but for its rounding may be counted or not.
        least = 1.5 / (np.array([len(known) for known in judge.calibration]) + 1)
        assert (np.abs(found[contract.output("p_values", judge)] - judge.p_values(probabilities)) < least).all()
    assert np.abs(found["on_topic"] - model.on_topic_p(vectors)).max() < 1.5 / (len(model.on_topic) + 1)
    place = model.backbone.columns("place")
    assert ("place" in found) == (place is not None) == (way == "brands")
    if place is not None:
        assert np.abs(found["place"] - vectors[:, place]).max() < 2e-3


def test_the_file_is_whole_and_replaced_only_when_asked(loaded: LoadedModel, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "model.onnx"
    done = goodsight.export(loaded.folder, out)
    assert done.size == out.stat().st_size
    assert [path.name for path in out.parent.iterdir()] == ["model.onnx"]
    assert onnxruntime.InferenceSession(str(out)).get_modelmeta().custom_metadata_map.keys() == {"goodsight"}
    with pytest.raises(FolderExistsError, match=r"model\.onnx is there already"):
        goodsight.export(loaded.folder, out)
    out.write_text("old")
    goodsight.export(loaded.folder, out, work=Work(force=True))
    assert out.stat().st_size == done.size


def test_a_file_that_answers_otherwise_is_not_written(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: Any = composed.answered

    def wrong(*given: Any) -> Any:
        return {name: found * 0.9 for name, found in answered(*given).items()}

    monkeypatch.setattr(composed, "answered", wrong)
    with pytest.raises(ModelError, match=r"the exported model answers differently: a probability is off by 0\.\d+"):
        goodsight.export(loaded.folder, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_the_example_of_the_documentation_says_what_the_model_says(
    loaded: LoadedModel,
    sound: dict[str, list[Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    goodsight.export(loaded.folder, tmp_path / "model.onnx")
    photo = sound["mug"][0]
    (tmp_path / "ad.jpg").write_bytes(photo.read_bytes())
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    exec(page.split("```python\n")[1].split("```")[0], {})
    label, probability, trust = capsys.readouterr().out.split(maxsplit=2)
    pixels = decoder.decode(photo.read_bytes(), loaded.model.backbone.resize)[None]
    assert label == "mug"
    assert float(probability) == pytest.approx(story.own(loaded.model, pixels).max(), abs=0.01)
    assert trust.strip() in ("sure", "let a person look")


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """What has the names of the runtime's parts."""
    folder = tmp_path / "package"
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "onnxruntime-web", "version": "9.9.9"}')
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (folder / "dist" / name).write_bytes(b"part")
    return folder


def test_a_page_is_a_folder_that_says_what_it_is(loaded: LoadedModel, runtime: Path, tmp_path: Path) -> None:
    out = tmp_path / "page"
    done = goodsight.export(loaded.folder, out, to="web", runtime=runtime)
    assert done.size == sum(path.stat().st_size for path in out.iterdir())
    assert json.loads((out / "export.json").read_text()) == contract.record(loaded.model)
    with pytest.raises(FolderExistsError, match="page is there already"):
        goodsight.export(loaded.folder, out, to="web", runtime=runtime)
    (out / "page.js").write_text("old")
    goodsight.export(loaded.folder, out, to="web", runtime=runtime, work=Work(force=True))
    assert (out / "page.js").read_text() != "old"


def test_openvino_has_a_folder_of_its_own(loaded: LoadedModel, tmp_path: Path) -> None:
    done = goodsight.export(loaded.folder, tmp_path / "made", to="openvino")
    assert sorted(path.name for path in done.path.iterdir()) == ["export.json", "model.bin", "model.xml"]
    assert done.size == sum(path.stat().st_size for path in done.path.iterdir())


def test_openvino_that_answers_otherwise_is_not_written(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: Any = openvino_files.answered

    def wrong(*given: Any) -> Any:
        return {name: found * 0.9 for name, found in answered(*given).items()}

    monkeypatch.setattr(openvino_files, "answered", wrong)
    with pytest.raises(ModelError, match="the exported model answers differently"):
        goodsight.export(loaded.folder, tmp_path / "made", to="openvino")
    assert not (tmp_path / "made").exists()


def test_integers_tell_what_they_cost(loaded: LoadedModel, drawn_photos: Path, tmp_path: Path) -> None:
    done = goodsight.export(loaded.folder, tmp_path / "model.onnx", int8=drawn_photos)
    assert done.loss
    assert done.loss.photos >= 60
    said = onnxruntime.InferenceSession(str(done.path)).get_modelmeta().custom_metadata_map["goodsight"]
    assert json.loads(said) == contract.record(loaded.model) | {"int8": asdict(done.loss)}
    exact = goodsight.export(loaded.folder, tmp_path / "exact.onnx")
    assert done.size < exact.size
    assert exact.loss is None


def test_integers_need_some_photos(loaded: LoadedModel, sound: dict[str, list[Path]], tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="`int8`: 1 photos that can be used; give at least 32"):
        goodsight.export(loaded.folder, tmp_path / "model.onnx", int8=sound["mug"][0])
    assert not (tmp_path / "model.onnx").exists()


def test_a_folder_of_others_is_not_replaced_by_a_page(loaded: LoadedModel, runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    with pytest.raises(FolderExistsError, match="was not made by goodsight"):
        goodsight.export(loaded.folder, tmp_path / "mine", to="web", runtime=runtime, work=Work(force=True))


def test_a_model_that_reads_is_refused(loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = replace(loaded.model.backbone, naming=Naming(("mug", "shoe"), 1.0))
    model = replace(loaded, model=replace(loaded.model, backbone=reads))
    monkeypatch.setattr(story, "opened", lambda _: nullcontext(model))
    with pytest.raises(ModelError, match="reads words in photos as well, which no exported file does; train without"):
        goodsight.export(loaded.folder, tmp_path / "model.onnx")


def test_what_is_not_installed_is_named(loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "find_spec", lambda name: None if name in ("onnx", "openvino") else object())
    with pytest.raises(EngineError, match=r"export needs onnx: install with `pip install 'goodsight\[onnx\]'`"):
        goodsight.export(loaded.folder, tmp_path / "model.onnx")
    with pytest.raises(EngineError, match=r"needs onnx and openvino: install .*'goodsight\[onnx\]' openvino`"):
        goodsight.export(loaded.folder, tmp_path / "made", to="openvino")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"to": "onx"}, EngineError, r"`to` onx: use one of onnx, .* Did you mean 'onnx'\?"),
        ({"runtime": "."}, EngineError, "`runtime`: only for `to` web; leave it out with `to` onnx"),
        ({"out": "."}, EngineError, r"is a folder; name the file to make"),
        ({"model": "nowhere"}, ModelError, "nowhere: not a model folder"),
    ],
)
def test_what_cannot_be_done_is_refused(
    options: dict[str, Any], error: type[GoodsightError], said: str, loaded: LoadedModel, tmp_path: Path
) -> None:
    out = tmp_path / options.pop("out", "model.onnx")
    work = Work(force=True)
    with pytest.raises(error, match=said):
        story.export(options.pop("model", loaded.folder), out, work=work, **options)
