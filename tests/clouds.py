"""Made-up embeddings: each class is a cloud around a place of its own."""

import numpy as np

from goodsight.backbones.backbone import Block
from goodsight.heads.examples import Examples

WIDTH = 40
BLOCKS = (Block("a", 24, 2.0), Block("b", 16, 1.0))


def clouds(sizes: list[int], spread: float = 1.0) -> Examples:
    """As many photos of each class as ``sizes`` say, in five folds."""
    centres = np.random.default_rng(1).normal(size=(len(sizes), WIDTH)) * 1.2
    labels = np.repeat(np.arange(len(sizes)), sizes)
    x = centres[labels] + spread * np.random.default_rng(2).normal(size=(len(labels), WIDTH))
    return Examples(x.astype(np.float32), labels, np.random.default_rng(3).integers(0, 5, len(labels)))
