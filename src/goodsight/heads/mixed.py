"""Mixed heads: the weighted sum of what a kernel head and a cosine head say.

The two err on different photos. With each divided by its temperature, the sum is the geometric mean of their
probabilities (a logarithmic opinion pool; Genest and Zidek 1986, Combining Probability Distributions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Half, Vectors
from goodsight.heads.cosine import Cosine
from goodsight.heads.head import Head, Kind, Setting
from goodsight.heads.kernel import Kernel
from goodsight.heads.scaler import Scaler

PARTS: Mapping[Kind, type[Kernel | Cosine]] = {"kernel": Kernel, "cosine": Cosine}
"""What is mixed, one of each."""


@dataclass(frozen=True)
class Mixed(Head):
    """The heads that it adds up, in the order of its setting's parts."""

    heads: tuple[Head, ...]

    def __call__(self, vectors: Vectors) -> Array:
        """Scores (n, classes) of embeddings (n, width)."""
        return added(self.setting, [head(vectors) for head in self.heads])

    def tensors(self) -> dict[str, Array | Half]:
        """What the model folder keeps of it: the parts' own, by their kind, and what standardises for both."""
        shared = self.scaler.tensors()
        own = {
            f"{head.setting.kind}.{name}": tensor
            for head in self.heads
            for name, tensor in head.tensors().items()
            if name not in shared
        }
        return {**shared, **own}

    @classmethod
    def of_tensors(cls, setting: Setting, tensors: Mapping[str, npt.NDArray[Any]], own: slice) -> Self:
        """The head that the model folder kept."""
        scaler = Scaler.of_tensors(tensors)
        heads = []
        for part in setting.parts:
            prefix = f"{part.kind}."
            its = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            heads.append(PARTS[part.kind].of_tensors(part, {**its, **scaler.tensors()}, own))
        return cls(setting, scaler, tuple(heads))


def added(setting: Setting, scores: Sequence[Array]) -> Array:
    """The scores (n, classes) of a mixed setting from those of its parts, in their order."""
    weighted = [np.float32(part.weight) * each for part, each in zip(setting.parts, scores, strict=True)]
    return np.asarray(sum(weighted[1:], start=weighted[0]), np.float32)
