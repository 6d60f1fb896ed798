"""A model of the hub becomes one ONNX file that computes what transformers does, its preprocessing included."""

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from goodsight.backbones import hub, hub_files
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import start
from goodsight.errors import EngineError

transformers: Any = pytest.importorskip("transformers", reason="needs transformers: pip install 'goodsight[hub]'")

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
PICTURE = {"image_size": 32, "patch_size": 8}
TEXT = TINY | {"vocab_size": 50, "max_position_embeddings": 8}
PROCESSOR = {
    "do_rescale": True,
    "rescale_factor": 0.004,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.25, 0.3],
    "size": {"height": 32, "width": 32},
}
MODELS: dict[str, tuple[str, Any]] = {
    "vit": ("ViTModel", lambda t: t.ViTConfig(**TINY, **PICTURE)),
    "dinov2": ("Dinov2Model", lambda t: t.Dinov2Config(**TINY, **PICTURE)),
    "registers": (
        "Dinov2WithRegistersModel",
        lambda t: t.Dinov2WithRegistersConfig(**TINY, **PICTURE, num_register_tokens=3),
    ),
    "clip": ("CLIPModel", lambda t: t.CLIPConfig(text_config=TEXT, vision_config=TINY | PICTURE)),
    "siglip": ("SiglipModel", lambda t: t.SiglipConfig(text_config=TEXT, vision_config=TINY | PICTURE)),
    "resnet": ("ResNetModel", lambda t: t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])),
    "convnext": ("ConvNextModel", lambda t: t.ConvNextConfig(hidden_sizes=[8, 12, 16, 24], depths=[1, 1, 1, 1])),
}
BLOCKS = {
    "vit": ["cls", "mean"],
    "dinov2": ["cls", "mean"],
    "registers": ["cls", "mean"],
    "clip": ["cls", "mean"],
    "siglip": ["pooled", "mean"],
    "resnet": ["mean", "std"],
    "convnext": ["mean", "std"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    root = tmp_path_factory.mktemp("hub")
    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    for name, (kind, config) in MODELS.items():
        torch.manual_seed(0)
        model: Any = getattr(transformers, kind)(config(transformers))
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight) * 0.05)
        model.save_pretrained(root / name)
        (root / name / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    yield {name: root / name for name in MODELS}
    logging.enable_progress_bar()


@pytest.fixture
def vit(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may spoil, and a cache that holds nothing yet."""
    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(folders["vit"], tmp_path / "vit"))


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """The hub's address is one where nothing listens, and nothing was downloaded before."""
    constants = pytest.importorskip("huggingface_hub", reason="needs the hub's client").constants
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return port


def _photos(side: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (3, side, side, 3), dtype=np.uint8)


def _embeddings(found: Backbone, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    engine = start(found.network, engine="onnxruntime")
    vectors = engine.submit(pixels).result()
    engine.close()
    return vectors


def _by_hand(folder: Path, pixels: npt.NDArray[np.uint8], **options: Any) -> tuple[Any, Any]:
    """The states and the pooled output of transformers' own model for pixels that numpy prepared."""
    prepared = (pixels.astype(np.float64) * 0.004 - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.3]
    model = transformers.AutoModel.from_pretrained(folder).eval()
    model = getattr(model, "vision_model", model)
    with torch.no_grad():
        answer = model(torch.from_numpy(prepared.transpose(0, 3, 1, 2).astype(np.float32)), **options)
    return answer.last_hidden_state.numpy(), answer.pooler_output.numpy()


@pytest.mark.parametrize("name", MODELS)
def test_computes_what_the_model_does(name: str, folders: dict[str, Path]) -> None:
    found = hub.backbone(str(folders[name]))
    states, pooled = _by_hand(folders[name], _photos(32))
    if name in {"resnet", "convnext"}:
        expected = [states.mean((2, 3)), np.sqrt(states.var((2, 3)) + 1e-6)]
    elif name == "siglip":
        expected = [pooled, states.mean(1)]
    else:
        expected = [states[:, 0], states[:, 4 if name == "registers" else 1 :].mean(1)]
    vectors = _embeddings(found, _photos(32))
    assert np.allclose(vectors, np.concatenate(expected, axis=1), atol=1e-3)
    assert [block.name for block in found.blocks] == BLOCKS[name]
    assert {block.weight for block in found.blocks} == ({2.0, 1.0} if "std" in BLOCKS[name] else {2.0})
    assert (found.name, found.resize.size, found.width) == (f"hf:{folders[name]}", 32, vectors.shape[1])


@pytest.mark.parametrize("name", ["vit", "dinov2", "registers", "clip"])
def test_another_size_stretches_the_positions(name: str, folders: dict[str, Path]) -> None:
    found = hub.backbone(str(folders[name]), 48)
    options = {"interpolate_pos_encoding": True} if name in {"vit", "clip"} else {}
    before = 4 if name == "registers" else 1
    states, _ = _by_hand(folders[name], _photos(48), **options)
    assert states.shape == (3, 36 + before, 32)
    vectors = _embeddings(found, _photos(48))
    assert np.allclose(vectors, np.concatenate([states[:, 0], states[:, before:].mean(1)], axis=1), atol=1e-3)


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_openvino_computes_the_same(name: str, folders: dict[str, Path]) -> None:
    found = hub.backbone(str(folders[name]))
    engine = start(found.network, engine="openvino", precision="f32")
    assert np.allclose(engine.submit(_photos(32)).result(), _embeddings(found, _photos(32)), atol=1e-3)
    engine.close()


def test_a_second_load_reads_no_model(vit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hub.backbone(str(vit))
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert hub.backbone(str(vit)) == first
    (vit / "preprocessor_config.json").write_text(json.dumps(PROCESSOR | {"rescale_factor": 0.1}))
    with pytest.raises(EngineError, match=r"pip install 'goodsight\[hub\]'"):
        hub.backbone(str(vit))


def test_a_changed_folder_is_another_network(vit: Path) -> None:
    first = hub.backbone(str(vit))
    (vit / "preprocessor_config.json").write_text(json.dumps(PROCESSOR | {"rescale_factor": 0.1}))
    second = hub.backbone(str(vit))
    assert (second.network == first.network, second.sha256 == first.sha256) == (False, False)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_without_a_package_the_extra_is_named(package: str, vit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EngineError, match=rf"needs {package}.*pip install 'goodsight\[hub\]'"):
        hub.backbone(str(vit))


def test_without_a_preprocessor_config_the_model_says_the_size(vit: Path) -> None:
    (vit / "preprocessor_config.json").unlink()
    found = hub.backbone(str(vit))
    assert found.resize.size == 32
    plain = hub_files.Preprocessing.read({})
    assert plain == hub_files.Preprocessing(1 / 255, 0.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), False)


def test_what_the_processor_leaves_out_is_left_out() -> None:
    raw = hub_files.Preprocessing.read({"do_rescale": False, "do_normalize": False, "rescale_factor": 0.5})
    assert (raw.scale, raw.mean, raw.std) == (1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    turned = hub_files.Preprocessing.read({"do_flip_channel_order": True})
    assert (turned.flip, turned.mean) == (True, (0.0, 0.0, 0.0))
    shifted = hub_files.Preprocessing.read({"rescale_offset": True, "rescale_factor": 1 / 127.5, "image_mean": 0.5})
    assert (shifted.offset, shifted.mean) == (1.0, (0.5, 0.5, 0.5))


SIZES = [
    ({"size": 48}, 48),
    ({"size": {"height": 64, "width": 64}}, 64),
    ({"size": {"shortest_edge": 80}}, 80),
    ({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}, 224),
    ({"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": False}, 256),
    ({}, 32),
]


@pytest.mark.parametrize(("fields", "side"), SIZES)
def test_the_processor_says_the_size(fields: dict[str, Any], side: int, vit: Path) -> None:
    (vit / "preprocessor_config.json").unlink()
    (vit / "processor_config.json").write_text(json.dumps({"image_processor": fields}))
    assert hub.backbone(str(vit)).resize.size == side


REFUSED_SIZES = [
    (20, {}, "`size` 20: `network` hf:.*steps of 16"),
    (2048, {}, "`size` 2048: .*16 to 1024"),
    (0, {"size": 378}, "`size` 378: is the model's own size, but.*steps of 16"),
    (0, {"size": {"height": 32, "width": 64}}, "makes no square.*choose a `size`"),
    (0, {"size": 32, "image_mean": [0.5]}, "preprocessor config cannot be used.*1 colours"),
]


@pytest.mark.parametrize(("size", "fields", "message"), REFUSED_SIZES)
def test_what_cannot_be_used_is_refused(size: int, fields: dict[str, Any], message: str, vit: Path) -> None:
    (vit / "preprocessor_config.json").write_text(json.dumps(fields))
    with pytest.raises(EngineError, match=message):
        hub.backbone(str(vit), size)


def test_colours_are_reversed_for_a_processor_that_asks(vit: Path) -> None:
    plain = _embeddings(hub.backbone(str(vit)), _photos(32)[..., ::-1].copy())
    fields = PROCESSOR | {"do_flip_channel_order": True, "image_mean": [0.5, 0.4, 0.3]}
    (vit / "preprocessor_config.json").write_text(json.dumps(fields))
    assert np.allclose(_embeddings(hub.backbone(str(vit)), _photos(32)), plain, atol=1e-4)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"`network` hf:.*it has no config\.json.*`network` hf:PATH/TO/FOLDER"):
        hub.backbone(str(tmp_path))


def test_a_missing_folder() -> None:
    with pytest.raises(EngineError, match="`network` hf:/no/such/folder: there is no such folder"):
        hub.backbone("/no/such/folder")


def test_pickled_weights_are_not_read(vit: Path) -> None:
    (vit / "model.safetensors").unlink()
    torch.save({}, vit / "pytorch_model.bin")
    with pytest.raises(EngineError, match="the model cannot be loaded") as caught:
        hub.backbone(str(vit))
    assert "\n" not in str(caught.value)


def test_a_model_with_code_of_its_own_does_not_run_it(vit: Path) -> None:
    auto = {"AutoConfig": "trap.Config", "AutoModel": "trap.Model"}
    (vit / "config.json").write_text(json.dumps({"model_type": "trap", "auto_map": auto}))
    (vit / "trap.py").write_text(f"open({str(vit / 'sprung')!r}, 'w')")
    with pytest.raises(EngineError, match="the model cannot be loaded"):
        hub.backbone(str(vit))
    assert not (vit / "sprung").exists()


def test_lost_weights_are_not_made_up(vit: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(vit / "model.safetensors")
    lost = next(key for key in weights if key.endswith("layernorm.weight"))
    del weights[lost]
    save_file(weights, vit / "model.safetensors", {"format": "pt"})
    with pytest.raises(EngineError, match=r"lacks 1 of the model's weights, layernorm\.weight"):
        hub.backbone(str(vit))


def test_a_failed_export_leaves_nothing(vit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_off", lambda *_: float("nan"))
    with pytest.raises(EngineError, match="does not compute what the model does"):
        hub.backbone(str(vit))
    assert list((vit.parent / "cache" / "backbones").iterdir()) == []


def test_a_hub_out_of_reach(closed_port: int) -> None:
    with pytest.raises(EngineError) as caught:
        hub.backbone("facebook/dinov2-small")
    message = str(caught.value)
    assert message.startswith(f"`network` hf:facebook/dinov2-small: the hub http://127.0.0.1:{closed_port} cannot be")
    assert "`network` hf:PATH/TO/FOLDER" in message
    assert "\n" not in message


def test_what_was_downloaded_before_serves_offline(vit: Path, closed_port: int, tmp_path: Path) -> None:
    commit = "0123456789" * 4
    kept = tmp_path / "hub" / "models--some--vit"
    shutil.copytree(vit, kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit)
    found = hub.backbone("some/vit")
    assert np.allclose(_embeddings(found, _photos(32)), _embeddings(hub.backbone(str(vit)), _photos(32)), atol=1e-5)
    assert found.name == "hf:some/vit"
    assert found.network.name.startswith("hf-some-vit-32-")


@pytest.mark.parametrize(("kind", "message"), [("GatedRepoError", "is gated"), ("RepositoryNotFoundError", "no such")])
def test_a_model_that_the_hub_does_not_give(kind: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = pytest.importorskip("huggingface_hub", reason="needs the hub's client")
    error = getattr(client.errors, kind)

    def refuse(*_: object, **__: object) -> None:
        raise error.__new__(error)

    monkeypatch.setattr(client.HfApi, "model_info", refuse)
    with pytest.raises(EngineError, match=rf"`network` hf:some/model: .*{message}.*hf:PATH/TO/FOLDER"):
        hub.backbone("some/model")
