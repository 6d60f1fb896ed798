"""Drawn photos whose main colour is chosen, so that they have two labels; tags are drawn on them as well."""

from collections.abc import Sequence
from pathlib import Path

import drawn
import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"blue": (0.05, 0.15, 0.9), "green": (0.05, 0.7, 0.1), "red": (0.9, 0.05, 0.05)}
SIZE = 160


def draw(colour: str, kind: str, rng: np.random.Generator, tags: Sequence[str] = ()) -> Image.Image:
    """A photo of a product of the kind in a colour; ``framed`` and ``crossed`` are tags that can be seen."""
    photo = drawn.draw(kind, rng, (SIZE, SIZE), COLOURS[colour])
    pen = ImageDraw.Draw(photo)
    if "framed" in tags:
        pen.rectangle((0, 0, SIZE - 1, SIZE - 1), outline="black", width=SIZE // 16)
    if "crossed" in tags:
        for ends in ((0, 0, SIZE, SIZE), (0, SIZE, SIZE, 0)):
            pen.line(ends, "white", SIZE // 32)
    return photo


def fill(folder: Path, wanted: Sequence[tuple[str, str, tuple[str, ...]]], seed: int) -> list[str]:
    """Draw photos of (colour, kind, tags) into a folder; their names."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    names = [f"{number:03}.jpg" for number in range(len(wanted))]
    for name, (colour, kind, tags) in zip(names, wanted, strict=True):
        draw(colour, kind, rng, tags).save(folder / name, quality=90)
    return names


def listed(folder: Path, lines: Sequence[tuple[str, str, str, str]], name: str = "metadata.csv") -> Path:
    """Write (file name, colour, type, tags) as a list; its path."""
    text = "".join(f'{file},{colour},{kind},"{tags}"\n' for file, colour, kind, tags in lines)
    (folder / name).write_text(f"file_name,colour,type,tags\n{text}")
    return folder / name
