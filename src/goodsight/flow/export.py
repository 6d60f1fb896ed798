"""A model leaves as files that other programs run: one ONNX file, or a page for the browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Doubles, Floats, Pixels
from goodsight.backbones.engine import run, start
from goodsight.errors import EngineError, ModelError, did_you_mean
from goodsight.files import refuse_existing, refuse_folder, whole_file, whole_folder
from goodsight.flow.work import USUAL, Work, opened
from goodsight.model import folder as model_folder
from goodsight.model.record import LoadedModel, Model

FORMS = ("onnx", "web")
AGREE = 1e-3
"""How far a probability of an exported model may be from the model's own."""


@dataclass(frozen=True)
class Exported:
    """What :func:`export` made.

    Attributes:
        path: the file or folder.
        size: its bytes.
        off: the largest difference of a probability from the model's own, on the model's canary photos.

    """

    path: Path
    size: int
    off: float


def export(
    model: str | Path,
    out: str | Path,
    *,
    to: str = "onnx",
    runtime: str | Path | None = None,
    work: Work = USUAL,
) -> Exported:
    """Write a model as files that other programs run, from pixels to calibrated probabilities.

    What its input, outputs and metadata are is told by :func:`goodsight.exporting.composed.compose` and
    :func:`goodsight.exporting.contract.record`. It is tried on the model's canary photos before it is there.

    Args:
        model: a model folder.
        out: the file to make or, for a page, the folder.
        to: "onnx" for one file, or "web" for a page that checks photos in the browser.
        runtime: for a page, the npm package onnxruntime-web (.tgz or folder); None to take it from the cache or npm.
        work: how the work is done.

    Raises:
        EngineError: an unknown form, the ``train`` extra is not installed, the model is too large for one file, or
            there is no runtime.
        ModelError: the model folder cannot be trusted, or what was made answers differently.
        FolderExistsError: ``out`` is there and ``work.force`` is not set, or it is a folder of another kind.

    """
    out = Path(out)
    _require(out, to, runtime, work)
    try:
        from goodsight.exporting import composed, contract, network, web
        from goodsight.exporting import runtime as runtimes
    except ImportError as error:
        raise EngineError(f"export needs {error.name}: install it with `pip install 'goodsight[train]'`") from error
    # Before the work, as it may not be had.
    browsers = runtimes.of(None if runtime is None else Path(runtime)) if to == "web" else None
    with opened(model) as loaded:
        work.progress("write the graph", 0, 0)
        data = composed.compose(loaded.model, network.load(loaded.model.backbone.network)).SerializeToString()
        off = _off(loaded, data)
    if browsers is None:
        with whole_file(out) as part:
            part.write_bytes(data)
    else:
        with whole_folder(out, force=work.force) as folder:
            web.write(folder, data, contract.record(loaded.model), browsers)
            _mark(folder, contract.record(loaded.model))
    return Exported(out, sum(path.stat().st_size for path in (out, *out.glob("*")) if path.is_file()), off)


def _require(out: Path, to: str, runtime: str | Path | None, work: Work) -> None:
    """Nothing stands in the way of what is to be made.

    Raises:
        EngineError: an unknown form, or options that do not go together.
        FolderExistsError: as :func:`export`.

    """
    if to not in FORMS:
        raise EngineError(f"`to` {to}: use one of {', '.join(FORMS)}.{did_you_mean(to, FORMS)}")
    if runtime is not None and to != "web":
        raise EngineError(f"`runtime`: only for `to` web; leave it out with `to` {to}")
    if to != "onnx":
        refuse_folder(out, force=work.force)
        return
    if out.is_dir():
        raise EngineError(f"`out` {out}: is a folder; name the file to make, such as {out / 'model.onnx'}")
    refuse_existing(out, force=work.force)


def _mark(folder: Path, said: dict[str, Any]) -> None:
    """Write beside a model what it says of itself; by this the folder is known as one that may be replaced."""
    (folder / "export.json").write_text(json.dumps(said, indent=1), encoding="ascii")


def _off(loaded: LoadedModel, data: bytes) -> float:
    """The largest difference of a probability on the canary photos.

    Raises:
        ModelError: it is larger than :data:`AGREE`.

    """
    from goodsight.exporting import composed

    names = sorted(path.name for path in (loaded.folder / "canaries").iterdir())
    pixels = model_folder.canary_pixels(loaded.folder, loaded.model, names)
    if not names:
        return 0.0
    found = probabilities(loaded.model, composed.answered(data, pixels))
    off = float(np.abs(found - own(loaded.model, pixels)).max())
    if not off <= AGREE:
        raise ModelError(f"{loaded.folder}: the exported model answers differently: a probability is off by {off:.4f}")
    return off


def own(model: Model, pixels: Pixels) -> Doubles:
    """The model's own probabilities (n, classes of all attributes) of photos (n, size, size, 3), in float32."""
    # ONNX Runtime counts so on every processor: with bfloat16 nothing is the same to a thousandth.
    engine = start(model.backbone.network, engine="onnxruntime")
    vectors = run(engine, pixels).astype(np.float16)
    engine.close()
    return np.concatenate([judge.probabilities(vectors) for judge in model.judges], axis=1)


def probabilities(model: Model, found: dict[str, Any]) -> Floats:
    """Those of an exported model's outputs, in the same order."""
    from goodsight.exporting import contract

    return np.concatenate([found[contract.output("probabilities", judge)] for judge in model.judges], axis=1)
