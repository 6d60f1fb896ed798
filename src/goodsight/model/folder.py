"""The model folder: everything that inference needs and the evidence behind it, with no pickle anywhere.

``network.onnx`` turns pixels into an embedding, ``heads.safetensors`` turns the embedding into scores of each
attribute, and ``model.json`` says the rest, with the sha256 of every file that matters. ``canaries/`` holds a few
training photos and ``model.json`` their expected probabilities: a machine that answers differently is refused.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as tensors_as_bytes

from goodsight.about import __version__
from goodsight.arrays import Pixels, Vectors
from goodsight.backbones.backbone import Backbone, file_sha256
from goodsight.backbones.engine import Engine, preferred, start
from goodsight.catalog.rows import Attribute
from goodsight.embedding.twins import Fingerprints
from goodsight.errors import EngineError, ModelError
from goodsight.heads import kinds
from goodsight.heads.head import Setting
from goodsight.heads.offtopic import OffTopic
from goodsight.heads.scaler import Scaler
from goodsight.model.record import Judge, LoadedModel, Model
from goodsight.photos import decoder, words
from goodsight.photos.limits import BadPhoto, Limits

SCHEMA = 2


TOLERANCE = 0.08
"""How far a canary's probability may be off."""


ALIKE = 0.96
"""The lowest cosine between a canary's embedding and the expected one. bf16 and f32 agree to 0.977 or better on real
and on drawn photos; half the light (0.84), swapped colours (0.76) or stretching (0.52) fall below."""


def save(folder: Path, model: Model, canaries: Sequence[Path], vectors: Vectors) -> None:
    """Write the files that inference needs into an empty folder; :func:`seal` ends the work.

    Args:
        folder: an empty folder.
        model: what to write.
        canaries: a few photos.
        vectors: their embeddings (n, width).

    """
    shutil.copyfile(model.backbone.network, folder / "network.onnx")
    tensors = _shared_tensors(model) | {"canaries": vectors}
    for number, judge in enumerate(model.judges):
        tensors |= {f"{number}.{name}": tensor for name, tensor in _tensors(judge).items()}
    # Not save_file, whose files nobody but their owner may read.
    heads = tensors_as_bytes({name: np.ascontiguousarray(t) for name, t in tensors.items()})
    (folder / "heads.safetensors").write_bytes(heads)
    (folder / "canaries").mkdir()
    expected = {}
    answers = np.concatenate([judge.probabilities(vectors) for judge in model.judges], axis=1)
    for number, (path, probabilities) in enumerate(zip(canaries, answers, strict=True)):
        name = f"{number}{path.suffix.lower()[:8]}"
        (folder / "canaries" / name).write_bytes(decoder.read(path, model.limits))
        expected[name] = [round(float(p), 6) for p in probabilities]
    record = {
        "schema": SCHEMA,
        "attributes": [_attribute(judge) for judge in model.judges],
        "combinations": sorted(map(list, model.combinations)),
        "backbone": model.backbone.to_json(),
        "off_topic": {"columns": [model.off_topic.columns.start, model.off_topic.columns.stop]},
        "alpha": model.alpha,
        "off_topic_alpha": model.off_topic_alpha,
        "precision": model.precision,
        "limits": {"max_bytes": model.limits.max_bytes, "max_pixels": model.limits.max_pixels},
        "canaries": {"tolerance": TOLERANCE, "alike": ALIKE, "expected": expected},
        "versions": {name: version(name) for name in _behind(model)}
        | {"goodsight": __version__, "python": platform.python_version()},
        "info": dict(model.info),
    }
    _save_json(folder / "model.json", record)


def _behind(model: Model) -> tuple[str, ...]:
    """The packages that answers rest on."""
    return ("numpy", preferred(), "pillow", "scipy", *(["rapidocr"] if model.backbone.naming else []))


def _save_json(path: Path, record: Mapping[str, Any]) -> None:
    # A label that is a folder's name may be no text; it has lone surrogates then, which JSON has escapes for.
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _attribute(judge: Judge) -> dict[str, Any]:
    """What ``model.json`` says of one attribute."""
    return {
        "name": judge.attribute.name,
        "tag": judge.attribute.tag,
        "classes": list(judge.classes),
        "head": asdict(judge.head.setting),
        "temperature": judge.temperature,
        "threshold": None if np.isinf(judge.threshold) else judge.threshold,
        "cut": judge.cut,
        "bias": judge.bias,
        "none": judge.none,
    }


def reset(folder: Path, precision: float, thresholds: Sequence[float]) -> None:
    """Write another wanted precision and the thresholds of the attributes into ``model.json``; :func:`seal` follows.

    Args:
        folder: a model folder, or a copy of one.
        precision: the share of right answers wanted where no person looks.
        thresholds: one for each attribute; infinity for none.

    """
    path = folder / "model.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["precision"] = precision
    for said, threshold in zip(record["attributes"], thresholds, strict=True):
        said["threshold"] = None if np.isinf(threshold) else threshold
    del record["sha256"]
    (folder / "SHA256").unlink()
    _save_json(path, record)


def seal(folder: Path) -> None:
    """Write the sha256 of every file into ``model.json``, and ``model.json``'s own beside it in ``SHA256``."""
    path = folder / "model.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p != path)
    record["sha256"] = {name: file_sha256(folder / name) for name in names}
    _save_json(path, record)
    (folder / "SHA256").write_text(f"{file_sha256(path)}  model.json\n", encoding="ascii")


def read(folder: Path) -> tuple[Model, dict[str, Any]]:
    """Verify a folder's files and read the model, without starting an engine.

    Returns:
        The model and the whole of ``model.json``.

    Raises:
        ModelError: not a model folder, another schema, or a file that is missing, damaged or edited.

    """
    record = _record(folder)
    _verify(folder, record)
    try:
        tensors = load_file(folder / "heads.safetensors")
        backbone = Backbone.from_json(record["backbone"], folder / "network.onnx")
        model = Model(
            judges=tuple(_judge(said, tensors, n, backbone) for n, said in enumerate(record["attributes"])),
            backbone=backbone,
            scaler=Scaler.of_tensors(tensors),
            off_topic=OffTopic(
                slice(*record["off_topic"]["columns"]),
                tensors["topic"].astype(np.float32),
                tensors["negatives"].astype(np.float32),
            ),
            on_topic=tensors["on_topic"],
            alpha=float(record["alpha"]),
            off_topic_alpha=float(record["off_topic_alpha"]),
            precision=float(record["precision"]),
            training=Fingerprints(
                tuple(bytes(digest).hex() for digest in tensors["training.sha256"]),
                tensors["training.thumbnails"],
                tensors["training.sketches"],
            ),
            limits=Limits(**record["limits"]),
            combinations=frozenset(map(tuple, record["combinations"])),
            info=record["info"],
        )
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ModelError(f"{folder}: the model cannot be read ({error!r}); train it again") from error
    return model, record


def _judge(said: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]], number: int, backbone: Backbone) -> Judge:
    prefix = f"{number}."
    its = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    return Judge(
        attribute=Attribute(said["name"], said["tag"]),
        classes=tuple(said["classes"]),
        head=kinds.of_tensors(Setting.of_json(said["head"]), its, backbone.columns("classes") or slice(0, 0)),
        temperature=float(said["temperature"]),
        calibration=tuple(its[f"calibration.{c}"] for c in range(len(said["classes"]))),
        threshold=float("inf") if said["threshold"] is None else float(said["threshold"]),
        cut=float(said["cut"]),
        bias=float(said["bias"]),
        none=said["none"],
    )


def load(folder: Path, *, engine: str = "") -> LoadedModel:
    """Verify a model folder, start its network and try its canaries.

    Raises:
        ModelError: as :func:`read`, or this machine answers differently from the one that trained the model.
        EngineError: the network cannot be started, or what reads the words that it takes is not installed.

    """
    model, record = read(folder)
    if model.backbone.naming:
        words.reader()
    running = start(model.backbone.network, engine=engine)
    try:
        _try_canaries(folder, model, running, record["canaries"])
    except (KeyError, EngineError) as error:
        running.close()
        raise ModelError(f"{folder}: model.json does not fit the network: {error}; train it again") from error
    except ModelError:
        running.close()
        raise
    return LoadedModel(model, running, folder)


def _shared_tensors(model: Model) -> dict[str, npt.NDArray[Any]]:
    return {
        **model.scaler.tensors(),
        "topic": model.off_topic.photos.astype(np.float16),
        "negatives": model.off_topic.negatives.astype(np.float16),
        "on_topic": model.on_topic,
        "training.sha256": np.array([list(bytes.fromhex(d)) for d in model.training.sha256], np.uint8),
        "training.thumbnails": model.training.thumbnails,
        "training.sketches": model.training.sketches,
    }


def _tensors(judge: Judge) -> dict[str, npt.NDArray[Any]]:
    """What one attribute has of its own."""
    calibration: dict[str, npt.NDArray[Any]] = {f"calibration.{c}": s for c, s in enumerate(judge.calibration)}
    return calibration | judge.head.tensors()


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    if not path.is_file():
        raise ModelError(f"{folder}: not a model folder (there is no model.json); make one with `goodsight train`")
    text = path.read_bytes()
    try:
        record = json.loads(text)
        schema = int(record["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: damaged: {error}; train it again or restore it from a copy") from error
    if schema > SCHEMA:
        raise ModelError(f"{path}: schema {schema} is newer than this Goodsight reads ({SCHEMA}); upgrade goodsight")
    if schema < SCHEMA:
        raise ModelError(f"{path}: schema {schema} is of an older Goodsight (this one reads {SCHEMA}); train it again")
    seal_path = folder / "SHA256"
    if not seal_path.is_file() or seal_path.read_text("ascii", "replace").split()[:1] != [
        hashlib.sha256(text).hexdigest()
    ]:
        raise ModelError(f"{path}: edited or damaged: its sha256 is not the one in {seal_path.name}")
    return dict(record)


def _verify(folder: Path, record: Mapping[str, Any]) -> None:
    if "sha256" not in record:
        raise ModelError(f"{folder / 'model.json'}: damaged: it lists no sha256; train it again")
    for name, expected in record["sha256"].items():
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{path}: missing; restore the folder from a copy or train it again")
        if file_sha256(path) != expected:
            raise ModelError(f"{path}: damaged or edited: its sha256 is not the one in model.json")


def canary_pixels(folder: Path, model: Model, names: Iterable[str]) -> Pixels:
    """The canary photos of a folder, as its network is given them (n, size, size, 3).

    Raises:
        ModelError: this machine cannot decode one.

    """
    resize = model.backbone.resize
    try:
        data = [decoder.read(folder / "canaries" / name, model.limits) for name in names]
        pixels = [decoder.decode(one, resize, model.limits) for one in data]
    except BadPhoto as bad:
        raise ModelError(
            f"{folder}: this machine cannot decode a canary photo ({bad}); compare library versions"
        ) from bad
    return np.array(pixels, np.uint8).reshape(-1, resize.size, resize.size, 3)


def _try_canaries(folder: Path, model: Model, running: Engine, canaries: Mapping[str, Any]) -> None:
    expected = canaries["expected"]
    if not expected:
        return
    pixels = canary_pixels(folder, model, expected)
    vectors = running.submit(pixels).result().astype(np.float16)
    one, two = model.scaler(vectors), model.scaler(load_file(folder / "heads.safetensors")["canaries"])
    alike = float((np.einsum("ij,ij->i", one, two) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)).min())
    found = np.concatenate([judge.probabilities(vectors) for judge in model.judges], axis=1)
    worst = float(np.abs(found - np.array(list(expected.values()))).max())
    if worst > canaries["tolerance"] or alike < canaries["alike"]:
        raise ModelError(
            f"{folder}: this machine answers differently: a canary's probability is off by {worst:.3f} "
            f"(allowed {canaries['tolerance']}), its embedding agrees to {alike:.3f} (wanted {canaries['alike']}); "
            "compare the versions in model.json with `goodsight inspect`"
        )
