"""What the default network itself calls the things in a photo."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from goodsight.backbones.backbone import Backbone


@cache
def imagenet_names() -> tuple[str, ...]:
    """The 1000 ImageNet class names, in the order of the logits."""
    text = files("goodsight.backbones").joinpath("imagenet_names.txt").read_text(encoding="utf-8")
    return tuple(text.split("\n")[:1000])


def common_names(backbone: Backbone, vectors: npt.NDArray[np.floating]) -> list[str]:
    """What the network itself would call each photo of some embeddings (n, width), '' when it has no names."""
    columns = backbone.columns("imagenet")
    if columns is None:
        return [""] * len(vectors)
    return [imagenet_names()[i] for i in vectors[:, columns].argmax(axis=1)]


def name_chances(backbone: Backbone, vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32] | None:
    """How likely each of the names is for each photo of some embeddings (n, width): (n, 1000), None without names."""
    columns = backbone.columns("imagenet")
    if columns is None:
        return None
    logits = vectors[:, columns].astype(np.float32)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))
