"""A model of the hub as files: where they are, what its processor does to pixels, and why it cannot be used."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodsight.errors import EngineError

SIZE = 224
"""Of a model that names none, in pixels."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Those of ImageNet, for a processor that names none."""

FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*-of-*.safetensors",
)
"""What is downloaded: no pickles, no code."""

PATIENCE = 5.0
"""Seconds until a hub that does not answer counts as out of reach."""


@dataclass(frozen=True)
class Preprocessing:
    """From bytes to the model's input: ``(pixels * scale - offset - mean) / std``, colours reversed with ``flip``."""

    scale: float
    offset: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip: bool

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Preprocessing:
        """From the fields of ``preprocessor_config.json``; what is missing is as for ImageNet.

        Raises:
            ValueError: a mean or std that is not three numbers.

        """
        flip = bool(fields.get("do_flip_channel_order"))
        # A processor that reverses the colours and names no mean (MobileViT) does not normalise.
        normalizes = fields.get("do_normalize", not flip or "image_mean" in fields)
        rescales = fields.get("do_rescale", True)
        return cls(
            scale=float(fields.get("rescale_factor") or 1 / 255) if rescales else 1.0,
            offset=1.0 if rescales and fields.get("rescale_offset") else 0.0,
            mean=three(fields.get("image_mean") or MEAN) if normalizes else (0.0,) * 3,
            std=three(fields.get("image_std") or STD) if normalizes else (1.0,) * 3,
            flip=flip,
        )


def find(name: str) -> tuple[Path, str]:
    """The folder of the model's files, downloaded if need be, and what changes when they do."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        files = [(file.name, file.stat()) for file in sorted(folder.iterdir()) if file.is_file()]
        listing = [str(folder.resolve())] + [f"{name} {found.st_size} {found.st_mtime_ns}" for name, found in files]
        return folder.resolve(), hashlib.sha256("\n".join(listing).encode()).hexdigest()
    if not re.fullmatch(r"[\w][\w.-]*(/[\w][\w.-]*)?", name, re.ASCII):
        raise refused(name, "there is no such folder, and it is no id of a model on the hub (OWNER/NAME)")
    try:
        from huggingface_hub import constants, errors, snapshot_download
    except ImportError as error:
        raise missing(error) from error
    patterns, out_of_reach = list(FILES), f"the hub {constants.ENDPOINT} cannot be reached"
    try:
        commit = _commit(name)
        found = snapshot_download(name, revision=commit, allow_patterns=patterns, local_files_only=not commit)
    except errors.GatedRepoError as error:
        reason = "the model is gated: accept its terms on the hub and log in with `hf auth login`"
        raise refused(name, reason) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise refused(name, "there is no such folder, and the hub knows no such model (or it is private)") from error
    except Exception as error:  # the hub's client has errors of many types, by version
        reason = f"the download failed: {line(error)}" if commit else f"{out_of_reach}, and nothing is in its cache"
        raise refused(name, reason) from error
    return Path(found), Path(found).name


def _commit(name: str) -> str | None:
    """The newest commit of a model on the hub, None when the hub is out of reach. One request, no second try."""
    from huggingface_hub import HfApi, errors

    try:
        commit: str | None = HfApi().model_info(name, timeout=PATIENCE).sha
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        raise
    except Exception:  # the errors of a connection differ by version of the hub's client
        return None
    return commit


def processor(name: str, folder: Path) -> dict[str, Any]:
    """Fields of the image processor, none when the folder has no such file."""
    nested = read_json(name, folder / "processor_config.json", optional=True).get("image_processor")
    if isinstance(nested, dict):
        return nested
    return read_json(name, folder / "preprocessor_config.json", optional=True)


def read_json(name: str, path: Path, *, optional: bool = False) -> dict[str, Any]:
    """The fields of a file, none for an optional one that is not there."""
    if optional and not path.exists():
        return {}
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise refused(name, f"there is no model in this folder: it has no {path.name}") from error
    except (OSError, ValueError) as error:
        raise refused(name, f"{path.name} cannot be read: {line(error)}") from error
    if not isinstance(fields, dict):
        raise refused(name, f"{path.name} is no JSON object")
    return fields


def own_size(name: str, fields: dict[str, Any], config: dict[str, Any]) -> int:
    """Side of the square that the processor makes, or that the model was trained on."""
    crops = fields.get("do_center_crop", True)
    vision = config.get("vision_config")
    trained = (vision if isinstance(vision, dict) else config).get("image_size")
    found = (fields.get("crop_size") if crops else None) or fields.get("size") or trained or SIZE
    try:
        return pair(found)
    except (TypeError, ValueError) as error:
        raise EngineError(f"`network` hf:{name}: its processor makes no square ({found}): choose a `size`") from error


def pair(value: Any) -> int:
    """The one side of a square that may be written as a number, a pair, or an object."""
    if isinstance(value, dict):
        named = [value[key] for key in ("height", "width") if key in value]
        value = named or [value[key] for key in ("shortest_edge", "longest_edge") if value.get(key)][:1]
    sides = {int(side) for side in (value if isinstance(value, (list, tuple)) else [value])}
    if len(sides) != 1:
        raise ValueError(f"not a square: {value}")
    return sides.pop()


def three(value: Any) -> tuple[float, ...]:
    """One number for each colour; one alone is for all."""
    numbers = tuple(float(number) for number in (value if isinstance(value, (list, tuple)) else [value] * 3))
    if len(numbers) != 3:
        raise ValueError(f"{len(numbers)} colours instead of 3")
    return numbers


def missing(error: ImportError) -> EngineError:
    """What to say when a package is not installed."""
    return EngineError(
        f"a network of the hub needs {error.name}: install it with `pip install 'goodsight[hub]'` "
        "(classify, check and evaluate do without)"
    )


def refused(name: str, reason: str) -> EngineError:
    """What to say of a model that cannot be used, and what to do."""
    return EngineError(
        f"`network` hf:{name}: {reason}. Without the hub: download the model's folder on a machine that can reach it "
        "and give `network` hf:PATH/TO/FOLDER, or leave `network` out for the default network"
    )


def line(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:300]}"
