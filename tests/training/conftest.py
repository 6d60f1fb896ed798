"""Photos that any network learns, on any processor: each kind has a colour of its own."""

from collections.abc import Callable
from pathlib import Path

import drawn
import numpy as np
import pytest
from PIL import Image

COLOURS = {"bag": (0.05, 0.15, 0.9), "lamp": (0.9, 0.85, 0.05), "mug": (0.05, 0.7, 0.1), "shoe": (0.9, 0.05, 0.05)}
PER_KIND = 43


@pytest.fixture(scope="session")
def draw_easy() -> Callable[[str, np.random.Generator], Image.Image]:
    """Draws a photo of a kind in its colour."""
    return lambda kind, rng: drawn.draw(kind, rng, (160, 160), COLOURS[kind])


@pytest.fixture(scope="session")
def easy(
    draw_easy: Callable[[str, np.random.Generator], Image.Image], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of such photos."""
    folder, rng = tmp_path_factory.mktemp("easy") / "photos", np.random.default_rng(0)
    for kind in drawn.KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(PER_KIND):
            draw_easy(kind, rng).save(folder / kind / f"{number:03}.jpg")
    return folder
