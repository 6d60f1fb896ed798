"""The words in a photo, read by the PP-OCR networks that come inside the package ``rapidocr`` (Apache-2.0).

The package is the extra ``text``; nothing of it loads before the first photo is read, and nothing is fetched: a package
without its networks is refused. A photo is read at one size, so small ones are enlarged, and only so many lines of it,
so the time is bounded. How a line is found and read: Liao et al. 2020 (DB) and the PP-OCR reports (Du et al. 2020).
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import astuple, dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.arrays import Pixels
from goodsight.errors import EngineError
from goodsight.files import cache_folder, whole_file
from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS, Limits
from goodsight.photos.resize import Resize

READ_AT = Resize(960)
"""How a photo is read: at most 960 pixels, on a white square."""
_MOST_LINES = 64
_LEAST_SURE = 0.3
_NETWORKS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}
_REVISION = 1
"""Raised when the same package would read other lines, so that older ones are not used."""


@dataclass(frozen=True)
class Line:
    """A line of text: what it says, how sure (0 to 1), and left, top, right and bottom as shares of the square."""

    text: str
    sure: float
    place: tuple[float, float, float, float]


@cache
def reader() -> str:
    """What reads, with its version; lines of another are not compared with its own.

    Raises:
        EngineError: the extra ``text`` is not installed, or its package lacks its networks.

    """
    found = find_spec("rapidocr")
    if found is None or not found.submodule_search_locations:
        raise EngineError("reading text in photos needs rapidocr: install it with `pip install 'goodsight[text]'`")
    for name in _NETWORKS.values():
        if not (_networks() / name).is_file():
            raise EngineError(
                f"rapidocr {version('rapidocr')}: holds no {name}, which reads text in photos: install another version "
                "with `pip install 'goodsight[text]'`"
            )
    return f"rapidocr-{version('rapidocr')}-{_REVISION}"


def read(pixels: Pixels) -> tuple[Line, ...]:
    """The lines of a photo (960, 960, 3), uint8 RGB as :data:`READ_AT` makes it, in the order of reading.

    Each thread that reads has networks of its own.

    Raises:
        EngineError: as :func:`reader`.

    """
    # In the wheel channels come as OpenCV has them: blue first.
    found = _engine()(np.ascontiguousarray(pixels[..., ::-1]))
    if found.txts is None:
        return ()
    lines = zip(found.txts, found.scores, np.asarray(found.boxes, float) / READ_AT.size, strict=True)
    return tuple(Line(text, round(float(sure), 4), _around(corners)) for text, sure, corners in lines)


def of_photo(data: bytes, limits: Limits = DEFAULT_LIMITS, *, kept: bool = False) -> tuple[Line, ...]:
    """The lines of a photo by its bytes.

    Args:
        data: the photo.
        limits: on its bytes and pixels.
        kept: read and fill the cache of words, which names photos by their content.

    Raises:
        BadPhoto: it cannot be used.
        EngineError: as :func:`reader`.

    """
    if not kept:
        return read(decoder.decode(data, READ_AT, limits))
    digest = hashlib.sha256(data).hexdigest()
    path = cache_folder() / "words" / reader() / digest[:2] / f"{digest}.json"
    try:
        return tuple(Line(text, sure, tuple(place)) for text, sure, place in json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        # Not there, or damaged: it is read again.
        found = of_photo(data, limits)
    with whole_file(path) as part:
        part.write_text(json.dumps([astuple(line) for line in found]), encoding="utf-8")
    return found


def _around(corners: Any) -> tuple[float, float, float, float]:
    """The upright box around the corners (4, 2) of a line."""
    (left, top), (right, bottom) = corners.min(axis=0).clip(0, 1), corners.max(axis=0).clip(0, 1)
    return round(float(left), 4), round(float(top), 4), round(float(right), 4), round(float(bottom), 4)


def _networks() -> Path:
    found = find_spec("rapidocr")
    return Path(((found and found.submodule_search_locations) or [""])[0]) / "models"


_own = threading.local()


def _engine() -> Any:
    """What reads in this thread."""
    if not hasattr(_own, "engine"):
        reader()
        from rapidocr import EngineType, RapidOCR

        said: dict[str, Any] = {
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "Global.max_side_len": READ_AT.size,
            "Global.text_score": _LEAST_SURE,
            "EngineConfig.openvino.inference_num_threads": 1,
            "Det.limit_type": "max",
            "Det.limit_side_len": READ_AT.size,
            "Det.max_candidates": _MOST_LINES,
        }
        for part, name in _NETWORKS.items():
            said |= {f"{part}.engine_type": EngineType.OPENVINO, f"{part}.model_path": str(_networks() / name)}
        _own.engine = RapidOCR(params=said)
    return _own.engine
