"""The array types that signatures name: what is in an array; shapes stand in the docstrings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
"""RGB or grey values, 0 to 255."""
Half = npt.NDArray[np.float16]
"""Embeddings as the engine gives them and the cache keeps them."""
Vectors = npt.NDArray[np.float16] | npt.NDArray[np.float32]
"""Embeddings."""
