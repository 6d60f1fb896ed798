"""Vision networks of the Hugging Face hub, or of a folder downloaded from it. Transformers loads only to export.

Weights are read from safetensors files only, and no code of the model's repository runs. What the model's processor
does to the pixels is part of the exported graph; photos are padded to a square rather than cropped.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goodsight.backbones.backbone import Backbone, Block, file_sha256
from goodsight.backbones.hub_files import (
    Preprocessing,
    find,
    line,
    missing,
    own_size,
    pair,
    processor,
    read_json,
    refused,
)
from goodsight.backbones.torch_onnx import write
from goodsight.errors import EngineError
from goodsight.files import cache_folder, whole_file
from goodsight.photos.resize import Resize

if TYPE_CHECKING:
    import torch

REVISION = 1
"""Raised when the exported graph changes, so that an older export in the cache is not taken for it."""

WEIGHTS = {"cls": 2.0, "pooled": 2.0, "mean": 2.0, "std": 1.0}
LARGEST = 1_900_000_000
"""Bytes of weights; an ONNX file of one piece cannot hold 2 GiB."""


def backbone(name: str, size: int = 0) -> Backbone:
    """The backbone of a hub id or a local folder that looks at ``size`` x ``size`` pixels, 0 for the processor's own.

    A transformer has the blocks ``cls`` (first token; ``pooled`` where there is none but a pooling layer) and ``mean``
    (over the patches), a convolutional network ``mean`` and ``std`` (over positions). Of a model of vision and text the
    vision part is taken.

    Raises:
        EngineError: the hub or the model is out of reach, the folder holds no model that can be exported, the size is
            not one that can be used, or the network is not in the cache and the ``hub`` extra is not installed.

    """
    folder, revision = find(name)
    fields, config = processor(name, folder), read_json(name, folder / "config.json")
    side = size or own_size(name, fields, config)
    if not 16 <= side <= 1024 or side % 16:
        own = "" if size else " is the model's own size, but"
        raise EngineError(f"`size` {side}:{own} `network` hf:{name} takes 16 to 1024 pixels in steps of 16")
    key = hashlib.sha256(f"{name}\n{revision}\n{side}\n{REVISION}".encode()).hexdigest()[:24]
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name if folder.name != revision else name)[-60:]
    path = cache_folder() / "backbones" / f"hf-{slug}-{side}-{key}.onnx"
    record = path.with_suffix(".json")
    if not (path.exists() and record.exists()):
        try:
            preprocessing = Preprocessing.read(fields)
        except (TypeError, ValueError) as error:
            raise refused(name, f"its preprocessor config cannot be used: {line(error)}") from error
        with whole_file(path) as part:
            exported = export(part, name, folder, preprocessing, side)
        with whole_file(record) as part:
            part.write_text(json.dumps([asdict(block) for block in exported]), encoding="utf-8")
    blocks = tuple(Block(**fields) for fields in json.loads(record.read_text(encoding="utf-8")))
    return Backbone(f"hf:{name}", path, file_sha256(path), Resize(side, "pad"), blocks)


def export(path: Path, name: str, folder: Path, preprocessing: Preprocessing, side: int) -> tuple[Block, ...]:
    """Write the network of a folder: uint8 RGB (n, side, side, 3) in, float32 embedding (n, d) out; its blocks.

    Raises:
        EngineError: transformers or torch is not installed, or the model cannot be loaded or exported.

    """
    try:
        with _quiet():
            import torch
            import transformers  # noqa: F401
    except ImportError as error:
        raise missing(error) from error
    with _quiet(), torch.no_grad():
        network, blocks = pretrained(name, folder, preprocessing, side)
        try:
            write(network, side, path)
            off = _off(network, path, side)
        except Exception as error:  # the exporter and the models have errors of many types
            raise refused(name, f"it cannot be exported at {side} pixels: {line(error)}") from error
    if not off < 0.01:
        raise refused(name, f"the exported network does not compute what the model does (off by {off:.2g})")
    return blocks


def pretrained(
    name: str, folder: Path, preprocessing: Preprocessing, side: int
) -> tuple[torch.nn.Module, tuple[Block, ...]]:
    """The torch module, in evaluation mode, and its blocks; see :func:`export` for its input and output.

    Raises:
        EngineError: the folder holds no model that turns pixels into features, or lacks some of its weights.

    """
    import torch
    from transformers import AutoModel

    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "eager", "output_loading_info": True}
    options |= {"use_safetensors": True, "trust_remote_code": False, "local_files_only": True}
    model: Any
    info: Any
    try:
        model, info = AutoModel.from_pretrained(str(folder), **options)
    except Exception as error:  # transformers has errors of many types
        raise refused(name, f"the model cannot be loaded: {line(error)}") from error
    if getattr(model.config, "vision_config", None) is not None:
        model = getattr(model, "vision_model", None)
        if model is None:
            raise refused(name, "its vision part cannot be used alone")
    lost = sorted(key for key in info["missing_keys"] if "pooler" not in key and not key.startswith("text_"))
    if lost:
        raise refused(name, f"the weights file lacks {len(lost)} of the model's weights, {lost[0]} among them")
    if sum(weight.numel() * weight.element_size() for weight in model.parameters()) > LARGEST:
        raise refused(name, "it is too large: the weights must be below 1.9 GB")
    has_pooler = not any("pooler" in key for key in info["missing_keys"])
    try:
        return _build(model.eval(), preprocessing, side, has_pooler)
    except Exception as error:  # as above
        raise refused(name, f"it does not turn {side} x {side} pixels into features: {line(error)}") from error


def _build(tower: Any, looks: Preprocessing, side: int, has_pooler: bool) -> tuple[torch.nn.Module, tuple[Block, ...]]:
    # The class lives in a function so that importing this module does not import torch.
    import torch
    from torch import Tensor, nn

    options: dict[str, Any] = {}
    if "interpolate_pos_encoding" in inspect.signature(tower.forward).parameters:
        options["interpolate_pos_encoding"] = side != pair(getattr(tower.config, "image_size", None) or side)

    class Encoder(nn.Module):
        scale: Tensor
        shift: Tensor

        def __init__(self) -> None:
            super().__init__()
            std = torch.tensor(looks.std).reshape(1, 3, 1, 1)
            self.register_buffer("scale", looks.scale / std)
            self.register_buffer("shift", (looks.offset + torch.tensor(looks.mean).reshape(1, 3, 1, 1)) / std)
            self.tower = tower
            self.skipped = 0
            self.names: tuple[str, ...] = ()

        def answer(self, pixels: Tensor) -> Any:
            x = pixels.permute(0, 3, 1, 2).float()
            if looks.flip:
                x = x.flip(1)
            return self.tower(pixel_values=x * self.scale - self.shift, **options)

        def pooled(self, answer: Any) -> dict[str, Tensor]:
            state = answer.last_hidden_state
            if state.dim() == 4:
                spread = (state - state.mean((2, 3), keepdim=True)) ** 2
                return {"mean": state.mean((2, 3)), "std": spread.mean((2, 3)).add(1e-6).sqrt()}
            found = {"cls": state[:, 0]} if self.skipped else {}
            if not self.skipped and has_pooler and getattr(answer, "pooler_output", None) is not None:
                found = {"pooled": answer.pooler_output.flatten(1)}
            return found | {"mean": state[:, self.skipped :].mean(1)}

        def forward(self, pixels: Tensor) -> Tensor:
            pooled = self.pooled(self.answer(pixels))
            return torch.cat([pooled[name] for name in self.names], dim=1)

    _fix_positions(tower)
    network = Encoder().eval()
    with torch.no_grad():
        answer = network.answer(_noise(side))
        state = answer.last_hidden_state
        if state.dim() not in {3, 4}:
            raise ValueError(f"its features have the shape {tuple(state.shape)}")
        network.skipped = _not_patches(state.shape[1], tower.config, side) if state.dim() == 3 else 0
        pooled = network.pooled(answer)
        if "pooled" in pooled and torch.allclose(pooled["pooled"], pooled["mean"], atol=1e-4):
            pooled.pop("pooled")
    network.names = tuple(pooled)
    return network, tuple(Block(name, found.shape[1], WEIGHTS[name]) for name, found in pooled.items())


def _fix_positions(tower: Any) -> None:
    """Stretch the position embeddings once, outside of the graph: the exporter lacks the antialiased resizing."""

    def once(stretch: Any) -> Any:
        kept: list[Any] = []

        def stretched(*args: Any, **options: Any) -> Any:
            if not kept:
                kept.append(stretch(*args, **options))
            return kept[0]

        return stretched

    for part in tower.modules():
        if callable(getattr(part, "interpolate_pos_encoding", None)):
            part.interpolate_pos_encoding = once(part.interpolate_pos_encoding)


def _not_patches(tokens: int, config: Any, side: int) -> int:
    """How many tokens come before those of the patches: the class token and registers."""
    patch = getattr(config, "patch_size", None)
    before = tokens - (side // pair(patch)) ** 2 if patch else -1
    if before >= 0:
        return before
    return 0 if math.isqrt(tokens) ** 2 == tokens else 1


def _noise(side: int) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8))


def _off(network: torch.nn.Module, path: Path, side: int) -> float:
    """Largest difference between the exported network and the module, relative to the embedding's norm."""
    import onnxruntime as ort

    pixels = _noise(side)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found, expected = session.run(None, {"pixels": pixels.numpy()})[0], network(pixels).numpy()
    return float(np.max(np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of the older exporter, which is the one that needs no onnxscript, and of the loaders."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging as untyped

        logging: Any = untyped
        verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
            if bar:
                logging.enable_progress_bar()
