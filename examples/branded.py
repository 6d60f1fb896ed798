"""Drawn photos with a small logo somewhere, and photos without: two brands, each with a sticker that is no logo."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

BRANDS = ("cross", "stripes")
SIDE, STICKERS = 224, 180
Place = tuple[int, int, int, int]


def draw(kind: str, seed: int, scene: Image.Image | None = None) -> tuple[Image.Image, Place]:
    """A photo of a brand, or of "none", and where its logo is; wherever a brand is there is its sticker as well.

    Args:
        kind: the brand.
        seed: the same gives the same photo.
        scene: what to draw on, SIDE pixels wide and high; else coloured noise.

    """
    rng = np.random.default_rng([seed, *map(ord, kind)])
    coarse = rng.integers(60, 200, (16, 16, 3)).astype(np.uint8)
    photo = scene or Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    side = int(rng.integers(36, 60))
    left, top = (int(v) for v in rng.integers(4, [SIDE - side - 4, SIDE // 2 - side]))
    pen = ImageDraw.Draw(photo)
    end_x, end_y, third = left + side, top + side, side // 3
    if kind != "none":
        colour = {"cross": "orange", "stripes": "purple"}[kind]
        at = int(rng.integers(10, 180))
        pen.ellipse((at, STICKERS, at + 34, STICKERS + 34), fill=colour)
    if kind == "cross":
        pen.ellipse((left, top, end_x, end_y), fill="red")
        pen.rectangle((left + third, top + 4, end_x - third, end_y - 4), fill="white")
        pen.rectangle((left + 4, top + third, end_x - 4, end_y - third), fill="white")
    if kind == "stripes":
        pen.rectangle((left, top, end_x, end_y), fill="yellow")
        for x in range(left, end_x, 12):
            pen.rectangle((x, top, min(x + 5, end_x), end_y), fill="blue")
    return photo, (left, top, end_x, end_y)


def fill(root: Path, counts: Mapping[str, int], first: int) -> Path:
    """Draw photos of brands with their list into ``shop``, and photos without into ``everyday``; the root."""
    (root / "shop").mkdir(parents=True)
    (root / "everyday").mkdir()
    with (root / "shop" / "metadata.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file_name", "label", "boxes"])
        for kind, count in counts.items():
            for seed in range(first, first + count):
                photo, place = draw(kind, seed)
                name = f"{kind}-{seed}.png"
                photo.save(root / ("everyday" if kind == "none" else "shop") / name)
                if kind != "none":
                    writer.writerow([name, kind, " ".join(map(str, place))])
    return root
