import json
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file

import goodsight
from goodsight.backbones import engine
from goodsight.backbones.backbone import file_sha256
from goodsight.errors import ModelError
from goodsight.flow.training import Training
from goodsight.model import folder as model_folder
from goodsight.model.record import LoadedModel, log_odds
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto


@pytest.fixture
def folder(trained: Training, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.folder, tmp_path / "model"))


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _edit(folder: Path, change: dict[str, Any], *without: str) -> None:
    """Change ``model.json`` and make its seal right again, as someone with a grudge would."""
    path = folder / "model.json"
    record = json.loads(path.read_text(encoding="utf-8")) | change
    path.write_text(json.dumps({k: v for k, v in record.items() if k not in without}), encoding="utf-8")
    (folder / "SHA256").write_text(f"{file_sha256(path)}  model.json\n", encoding="ascii")


def test_every_file_is_for_those_whom_the_umask_lets_read(trained: Training, tmp_path: Path) -> None:
    (tmp_path / "probe").touch()
    whole = {path.stat().st_mode for path in trained.folder.rglob("*") if path.is_file()}
    assert whole == {(tmp_path / "probe").stat().st_mode}
    model, canaries = model_folder.read(trained.folder)[0], sorted((trained.folder / "canaries").iterdir())
    before = os.umask(0o027)
    try:
        (tmp_path / "model").mkdir()
        model_folder.save(
            tmp_path / "model", model, canaries, load_file(trained.folder / "heads.safetensors")["canaries"]
        )
        model_folder.seal(tmp_path / "model")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "model").rglob("*")}
    assert modes.pop("canaries") == 0o750
    assert set(modes.values()) == {0o640}, modes


@pytest.mark.parametrize("damage", [_flip, _truncate, Path.unlink])
def test_damage_to_any_file_is_refused_with_its_name(damage: Any, folder: Path) -> None:
    model_folder.read(folder)
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert len(files) == 16
    for path in files:
        sound = path.read_bytes()
        damage(path)
        with pytest.raises(ModelError) as refused:
            model_folder.read(folder)
        assert path.name in str(refused.value)
        path.write_bytes(sound)
    model_folder.read(folder)


def test_an_edited_model_json_is_refused(folder: Path) -> None:
    path = folder / "model.json"
    text = path.read_text(encoding="utf-8")
    assert '"alpha": 0.05' in text
    path.write_text(text.replace('"alpha": 0.05', '"alpha": 0.25'), encoding="utf-8")
    with pytest.raises(ModelError, match=r"model\.json: edited or damaged"):
        model_folder.read(folder)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"schema": "new"}', '{"schema": null}', "\xff"])
def test_a_model_json_that_is_no_model_is_refused(text: str, folder: Path) -> None:
    (folder / "model.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"model\.json: damaged"):
        model_folder.read(folder)


def test_a_newer_schema_is_refused(folder: Path) -> None:
    _edit(folder, {"schema": model_folder.SCHEMA + 1})
    with pytest.raises(ModelError, match=rf"schema {model_folder.SCHEMA + 1} is newer .*upgrade goodsight"):
        model_folder.read(folder)


@pytest.mark.parametrize("name", ["attributes", "backbone", "off_topic", "limits", "sha256", "canaries"])
def test_a_model_json_without_a_field_is_refused(name: str, folder: Path) -> None:
    _edit(folder, {}, name)
    with pytest.raises(ModelError, match=name):
        model_folder.load(folder)


def test_a_schema_of_an_older_goodsight_is_refused(folder: Path) -> None:
    _edit(folder, {"schema": model_folder.SCHEMA - 1})
    with pytest.raises(
        ModelError, match=rf"schema {model_folder.SCHEMA - 1} is of an older Goodsight .*train it again"
    ):
        model_folder.read(folder)


def _attribute(folder: Path) -> dict[str, Any]:
    (found,) = json.loads((folder / "model.json").read_text())["attributes"]
    return dict(found)


@pytest.mark.parametrize("name", ["name", "tag", "classes", "head", "temperature", "threshold", "cut"])
def test_an_attribute_without_a_field_is_refused(name: str, folder: Path) -> None:
    left = {key: value for key, value in _attribute(folder).items() if key != name}
    _edit(folder, {"attributes": [left]})
    with pytest.raises(ModelError, match=name):
        model_folder.load(folder)


def test_one_class_too_many_is_refused(folder: Path) -> None:
    _edit(folder, {"attributes": [_attribute(folder) | {"classes": ["bag", "lamp", "mug", "shoe", "hat"]}]})
    with pytest.raises(ModelError, match="cannot be read"):
        model_folder.read(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="not a model folder"):
            goodsight.load(place)


def _darker(data: bytes, *_: object) -> npt.NDArray[np.uint8]:
    pixels = _DECODE(data, *_)  # type: ignore[arg-type]
    return np.asarray(pixels // 2, np.uint8)


def _blue_first(data: bytes, *_: object) -> npt.NDArray[np.uint8]:
    return _DECODE(data, *_)[:, :, ::-1].copy()  # type: ignore[arg-type]


_DECODE = decoder.decode


@pytest.mark.parametrize("decode", [_darker, _blue_first])
def test_a_machine_that_answers_differently_is_refused(
    decode: Any, trained: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "decode", decode)
    with pytest.raises(ModelError, match=r"answers differently: a canary's probability is off by 0\.\d{3}"):
        model_folder.load(trained.folder)


def test_another_resize_rule_is_refused(folder: Path) -> None:
    record = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    _edit(folder, {"backbone": record["backbone"] | {"resize": {"size": 64, "fit": "pad"}}})
    with pytest.raises(ModelError, match="does not fit the network"):
        model_folder.load(folder)


def test_a_machine_that_cannot_decode_a_canary_is_refused(trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad(*_: object) -> None:
        raise BadPhoto("unreadable", "no JPEG here")

    monkeypatch.setattr(decoder, "decode", bad)
    with pytest.raises(ModelError, match=r"cannot decode a canary photo .*no JPEG here"):
        model_folder.load(trained.folder)


@pytest.mark.parametrize(("name", "precision"), [("openvino", "bf16"), ("openvino", "f32"), ("onnxruntime", "")])
def test_every_engine_and_precision_passes_the_canaries(
    name: str, precision: str, trained: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_folder, "start", partial(engine.start, precision=precision))
    loaded = model_folder.load(trained.folder, engine=name)
    assert (loaded.engine.name, loaded.engine.precision) == (name, precision or "f32")
    loaded.engine.close()


def test_canaries_are_photos_with_their_probabilities(trained: Training) -> None:
    _, record = model_folder.read(trained.folder)
    expected = record["canaries"]["expected"]
    assert sorted(expected) == sorted(p.name for p in (trained.folder / "canaries").iterdir())
    assert all(sum(probabilities) == pytest.approx(1, abs=1e-4) for probabilities in expected.values())


def test_there_is_no_pickle_in_a_model(trained: Training) -> None:
    suffixes = {p.suffix for p in trained.folder.rglob("*") if p.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".pt", ".pth", ".npy", ".npz", ".joblib"}
    tensors = load_file(trained.folder / "heads.safetensors")
    assert all(isinstance(tensor, np.ndarray) and tensor.dtype != object for tensor in tensors.values())
    assert {"0.weights", "0.mean", "0.calibration.0", "training.sha256"} <= set(tensors)


def test_a_model_reads_as_it_was_saved(trained: Training, loaded: LoadedModel) -> None:
    saved, again = trained.measured.model, loaded.model
    for name in ("alpha", "off_topic_alpha", "precision", "limits", "combinations", "info"):
        assert getattr(again, name) == getattr(saved, name), name
    (judge,), (before,) = again.judges, saved.judges
    for name in ("attribute", "classes", "temperature", "threshold", "cut", "bias", "none"):
        assert getattr(judge, name) == getattr(before, name), name
    assert judge.head.setting == before.head.setting
    assert again.backbone.blocks == saved.backbone.blocks
    assert again.training.sha256 == saved.training.sha256
    assert [c.tolist() for c in judge.calibration] == [c.tolist() for c in before.calibration]
    vectors = np.random.default_rng(0).normal(size=(8, saved.backbone.width)).astype(np.float16)
    assert np.allclose(judge.probabilities(vectors), before.probabilities(vectors), atol=2e-3)
    assert np.allclose(again.off_topic(vectors), saved.off_topic(vectors), atol=2e-3)


def test_the_network_in_the_folder_is_the_backbone(loaded: LoadedModel) -> None:
    assert loaded.model.backbone.network == loaded.folder / "network.onnx"
    assert file_sha256(loaded.model.backbone.network) == loaded.model.backbone.sha256


def test_inspect_gives_the_record(trained: Training) -> None:
    record = goodsight.inspect(trained.folder)
    assert record["info"]["photos"] == 172
    assert record["info"]["source"] == "drawn"
    assert set(record["versions"]) >= {"goodsight", "numpy", "openvino", "pillow", "python"}
    assert "network.onnx" in record["sha256"]
    assert "model.json" not in record["sha256"]


def test_log_odds_keep_their_order_where_probabilities_round_to_one() -> None:
    found = log_odds(np.array([0.0, 1e-9, 0.5, 1 - 1e-9, 1 - 1e-11, 1.0]))
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    assert found[2] == 0
