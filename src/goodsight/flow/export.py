"""A model leaves as files that other programs run: one ONNX file, those of OpenVINO, or a page for the browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goodsight.arrays import Doubles, Floats, Pixels
from goodsight.backbones.engine import run, start
from goodsight.catalog.read import unlabelled
from goodsight.errors import CatalogError, EngineError, ModelError, did_you_mean
from goodsight.files import refuse_existing, refuse_folder, whole_file, whole_folder
from goodsight.flow.work import USUAL, Sources, Work, drawn, opened, paths_of
from goodsight.model import folder as model_folder
from goodsight.model.record import LoadedModel, Model
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto

if TYPE_CHECKING:
    from goodsight.exporting.int8 import Loss
    from goodsight.exporting.runtime import Runtime

FORMS = ("onnx", "openvino", "web")
AGREE = {"onnx": 1e-3, "openvino": 1e-2}
"""How far a probability of an exported model may be from the model's own. OpenVINO leaves half precision out on
processors, so embeddings are not rounded to it there as they are elsewhere."""


@dataclass(frozen=True)
class Exported:
    """What :func:`export` made.

    Attributes:
        path: the file or folder.
        size: its bytes.
        off: the largest difference of a probability from the model's own, on the model's canary photos; before 8-bit
            integers.
        loss: what 8-bit integers cost; None without them.

    """

    path: Path
    size: int
    off: float
    loss: Loss | None = None


@drawn
def export(
    model: str | Path,
    out: str | Path,
    *,
    to: str = "onnx",
    int8: Sources | None = None,
    runtime: str | Path | None = None,
    work: Work = USUAL,
) -> Exported:
    """Write a model as files that other programs run, from pixels to calibrated probabilities.

    What its input, outputs and metadata are is told by :func:`goodsight.exporting.composed.compose` and
    :func:`goodsight.exporting.contract.record`. It is tried on the model's canary photos before it is there.

    Args:
        model: a model folder.
        out: the file to make or, for all but "onnx", the folder.
        to: "onnx" for one file, "openvino" for the files of OpenVINO, or "web" for a page that checks photos in the
            browser.
        int8: photos like the training photos, or those themselves, to make the network one of 8-bit integers with;
            half of them are what its loss is measured on.
        runtime: for a page, the npm package onnxruntime-web (.tgz or folder); None to take it from the cache or npm.
        work: how the work is done; photos are read with the limits of the model.

    Raises:
        EngineError: an unknown form, the ``onnx`` extra is not installed, the network cannot be quantised or is too
            large for one file, or there is no runtime.
        ModelError: the model folder cannot be trusted, the model reads words in photos, or what was made answers
            differently.
        CatalogError: there are too few photos for 8-bit integers.
        FolderExistsError: ``out`` is there and ``work.force`` is not set, or it is a folder of another kind.

    """
    out = Path(out)
    _require(out, to, runtime, work)
    from goodsight.exporting import composed, contract, network
    from goodsight.exporting import runtime as runtimes

    # Before the work, as it may not be had.
    browsers = runtimes.of(None if runtime is None else Path(runtime)) if to == "web" else None
    with opened(model) as loaded:
        if loaded.model.backbone.naming:
            raise ModelError(
                f"{model}: reads words in photos as well, which no exported file does; train without `text`"
            )
        work.progress("write the graph", 0, 0)
        said, loss = contract.record(loaded.model), None
        made = composed.compose(loaded.model, network.load(loaded.model.backbone.network))
        off = _require_alike(loaded, lambda pixels: composed.answered(made.SerializeToString(), pixels), AGREE["onnx"])
        if int8 is not None:
            made, loss = _small(loaded.model, made.SerializeToString(), int8, work)
            said["int8"] = asdict(loss)
            composed.say(made, said)
        size = _write(out, made.SerializeToString(), said, to, browsers, work, loaded if loss is None else None)
    return Exported(out, size, off, loss)


def _require(out: Path, to: str, runtime: str | Path | None, work: Work) -> None:
    """Nothing stands in the way of what is to be made.

    Raises:
        EngineError: an unknown form, options that do not go together, or a package that is not installed.
        FolderExistsError: as :func:`export`.

    """
    if to not in FORMS:
        raise EngineError(f"`to` {to}: use one of {', '.join(FORMS)}.{did_you_mean(to, FORMS)}")
    if runtime is not None and to != "web":
        raise EngineError(f"`runtime`: only for `to` web; leave it out with `to` {to}")
    needed = ("onnx", "onnxruntime", *(["openvino"] if to == "openvino" else []))
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise EngineError(
            f"export needs {' and '.join(missing)}: install with `pip install 'goodsight[onnx]'"
            f"{' openvino' if 'openvino' in missing else ''}`"
        )
    if to != "onnx":
        refuse_folder(out, force=work.force)
        return
    if out.is_dir():
        raise EngineError(f"`out` {out}: is a folder; name the file to make, such as {out / 'model.onnx'}")
    refuse_existing(out, force=work.force)


def _small(model: Model, exact: bytes, photos: Sources, work: Work) -> tuple[Any, Loss]:
    """The model with a network of 8-bit integers, and what that costs."""
    from goodsight.exporting import composed, int8, network

    pixels = _pixels(model, photos, int8.LEAST, 2 * int8.MOST)
    # Every other one, so that both halves are of all kinds.
    known, new = pixels[::2], pixels[1::2]
    work.progress(f"try the ranges on {len(known)} photos", 0, 0)
    made = composed.compose(model, int8.quantised(network.load(model.backbone.network), known))
    return made, int8.compare(model, exact, made.SerializeToString(), new)


def _pixels(model: Model, photos: Sources, least: int, most: int) -> Pixels:
    """Some photos (n, size, size, 3), drawn at random.

    Raises:
        CatalogError: fewer than ``least`` can be used.

    """
    rows = list(chain.from_iterable(unlabelled(path) for path in paths_of(photos)))
    found: list[Pixels] = []
    for number in np.random.default_rng(0).permutation(len(rows)).tolist():
        if len(found) == most:
            break
        try:
            data = decoder.read(rows[number].path, model.limits)
            found.append(decoder.decode(data, model.backbone.resize, model.limits))
        except BadPhoto:
            continue
    if len(found) < least:
        raise CatalogError(f"`int8`: {len(found)} photos that can be used; give at least {least}, of all classes")
    return np.stack(found)


def _write(
    out: Path,
    data: bytes,
    said: dict[str, Any],
    to: str,
    runtime: Runtime | None,
    work: Work,
    alike: LoadedModel | None,
) -> int:
    """Write what is wanted; its bytes.

    Args:
        out: where to.
        data: the composed model.
        said: what it says of itself.
        to: the form.
        runtime: for a page.
        work: whether to replace what is there.
        alike: the model that files in another form must answer like.

    """
    if to == "onnx":
        with whole_file(out) as part:
            part.write_bytes(data)
        return len(data)
    from goodsight.exporting import openvino_files, web

    with whole_folder(out, force=work.force) as folder:
        if runtime is not None:
            web.write(folder, data, said, runtime)
        else:
            openvino_files.write(folder, data, said)
            if alike is not None:
                _require_alike(alike, lambda pixels: openvino_files.answered(folder, pixels), AGREE[to])
        # By this file the folder is known as one that may be replaced.
        (folder / "export.json").write_text(json.dumps(said, indent=1), encoding="ascii")
        return sum(path.stat().st_size for path in folder.iterdir())


def _require_alike(loaded: LoadedModel, answered: Callable[[Pixels], dict[str, Floats]], agree: float) -> float:
    """The largest difference of a probability on the canary photos.

    Raises:
        ModelError: it is larger than ``agree``.

    """
    names = sorted(path.name for path in (loaded.folder / "canaries").iterdir())
    pixels = model_folder.canary_pixels(loaded.folder, loaded.model, names)
    if not names:
        return 0.0
    off = float(np.abs(probabilities(loaded.model, answered(pixels)) - own(loaded.model, pixels)).max())
    if not off <= agree:
        raise ModelError(f"{loaded.folder}: the exported model answers differently: a probability is off by {off:.4f}")
    return off


def own(model: Model, pixels: Pixels) -> Doubles:
    """The model's own probabilities (n, classes of all attributes) of photos (n, size, size, 3), in float32."""
    # ONNX Runtime counts so on every processor: with bfloat16 nothing is the same to a thousandth.
    engine = start(model.backbone.network, engine="onnxruntime")
    vectors = run(engine, pixels).astype(np.float16)
    engine.close()
    return np.concatenate([judge.probabilities(vectors) for judge in model.judges], axis=1)


def probabilities(model: Model, found: dict[str, Floats]) -> Floats:
    """Those of an exported model's outputs, in the same order."""
    from goodsight.exporting import contract

    return np.concatenate([found[contract.output("probabilities", judge)] for judge in model.judges], axis=1)
