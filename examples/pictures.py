"""The annotated pictures of the README, made anew from drawn photos: an answer explained, two attributes, a brand.

``python examples/pictures.py FOLDER`` takes the model that ``make demo`` left in ./demo, and trains the other two: the
one of colour and type never sees a green bag. It takes some minutes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import branded
import coloured
import drawn
import numpy as np

from goodsight.cli.app import app

WIDE, HIGH = 480, 480
UNSEEN = ("green", "bag")


def main(model: Path, out: Path) -> None:
    """One picture of each kind."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.draw("bag", np.random.default_rng(2026), (WIDE, HIGH)).save(folder / "explained.jpg", quality=95)
        _annotate(model, folder / "explained.jpg", out)
        _attributes(folder, out)
        _brand(folder, out)


def _attributes(folder: Path, out: Path) -> None:
    pairs = [(colour, kind) for colour in coloured.COLOURS for kind in drawn.KINDS if (colour, kind) != UNSEEN]
    rng = np.random.default_rng(0)
    for colour, kind in pairs * 24:
        place = folder / "photos" / f"{colour}_{kind}"
        place.mkdir(parents=True, exist_ok=True)
        coloured.draw(colour, kind, rng).save(place / f"{len(list(place.iterdir()))}.jpg", quality=92)
    _goodsight("train", folder / "photos", "--attributes", "colour,type", "--out", folder / "attributes")
    photo = drawn.draw(UNSEEN[1], np.random.default_rng(7), (WIDE, HIGH), coloured.COLOURS[UNSEEN[0]])
    photo.save(folder / "attributes.jpg", quality=95)
    _annotate(folder / "attributes", folder / "attributes.jpg", out)


def _brand(folder: Path, out: Path) -> None:
    root = branded.fill(folder / "brands", {"cross": 40, "stripes": 40, "none": 80}, 0)
    more = ("--network", "brands", "--none", root / "everyday", "--epochs", "3")
    _goodsight("train", root / "shop", *more, "--out", folder / "logos")
    scene = drawn.draw("mug", np.random.default_rng(11), (branded.SIDE, branded.SIDE))
    branded.draw("cross", 1001, scene)[0].save(folder / "brand.png")
    _annotate(folder / "logos", folder / "brand.png", out)


def _annotate(model: Path, photo: Path, out: Path) -> None:
    places = photo.parent / f"{photo.stem}-annotated"
    _goodsight("classify", model, photo, "--annotate", places, "--explain")
    (made,) = (path for path in places.rglob("*") if path.suffix == ".jpg")
    shutil.copy(made, out / f"{photo.stem}.jpg")


def _goodsight(*arguments: str | Path) -> None:
    app([str(argument) for argument in arguments], standalone_mode=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=Path("demo/model"))
    options = parser.parse_args()
    main(options.model, options.out)
