"""Networks trained here: speed against Keras, compact on the ads from nothing, Pokedex, groceries fine-tuned.

TensorFlow is installed into bench/.keras the first time, as for ``bench/speed.py``, whose Keras recipe runs here too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from common import Figure, tell
from speed import install_keras, keras_recipe

import goodsight
from goodsight import Recipe
from goodsight.flow.training import Training
from goodsight.measuring.result import Result

SHORT = 14
"""Epochs of the short training of compact on the ads, which must end in a third of the Keras recipe's time."""


def main() -> bool:
    """Each part in turn; ``--only`` takes one."""
    parts = {"vgg": _vgg, "ads": _ads, "compact": _compact, "pokedex": _pokedex, "groceries": _groceries}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=parts, action="append")
    given = parser.parse_args()
    reached = True
    for name in given.only or parts:
        # An empty cache, so that nothing is quicker than for a new user.
        with tempfile.TemporaryDirectory() as folder:
            reached &= tell(f"training-{name}", parts[name](given.data, Path(folder)))
    return reached


def _vgg(data: Path, folder: Path) -> list[Figure]:
    script = Path(__file__).parent / "keras_vgg.py"
    done = subprocess.run([install_keras(), script], check=True, capture_output=True, text=True)
    keras = float(done.stdout.split()[-1])
    _, training = _train(data / "pokedex", folder / "speed", Recipe("smallervgg", epochs=4))
    epochs = training.measured.own
    assert epochs
    ours = max(epoch.photos_per_second for epoch in epochs.history["smallervgg"][1:])
    return [
        Figure("Keras smallervgg, batch 32: photos/s", keras, "", None, "2 passes of 640, nothing augmented"),
        Figure("goodsight smallervgg, batch 32: photos/s", ours, "", None, "augmentation included"),
        Figure("smallervgg / Keras", ours / keras, ">= 1.8", ours / keras >= 1.8, "one run"),
    ]


def _ads(data: Path, folder: Path) -> list[Figure]:
    keras, accuracy = keras_recipe(data / "ads", folder / "resized")
    short, training = _train(data / "ads", folder / "short", Recipe("compact", epochs=SHORT))
    quick = _of(training, "validation")
    n = f"{short:.0f} s, n={quick.scores.n}"
    ahead = short <= keras / 3 and quick.scores.accuracy.value >= accuracy
    return [
        Figure("ads, Keras recipe: accuracy", accuracy, "", None, f"{keras:.0f} s"),
        Figure(f"ads, compact, {SHORT} epochs: accuracy", quick.scores.accuracy.value, "", None, n),
        Figure("  share of the recipe's time, at its accuracy", short / keras, "<= 0.333", ahead, "one run each"),
    ]


def _compact(data: Path, folder: Path) -> list[Figure]:
    seconds, training = _train(data / "ads", folder / "long", Recipe("compact"))
    result = _of(training, "validation")
    value = result.scores.accuracy.value
    return [Figure("ads, compact: accuracy", value, ">= 0.92", value >= 0.92, _size(result, seconds))]


def _pokedex(data: Path, folder: Path) -> list[Figure]:
    seconds, training = _train(data / "pokedex", folder / "default", Recipe())
    default = _of(training, "out-of-fold")
    long, training = _train(data / "pokedex", folder / "vgg", Recipe("smallervgg", epochs=100))
    vgg = _of(training, "held-out")
    value = default.scores.accuracy.value
    return [
        Figure("pokedex, default, grouped 5-fold: accuracy", value, ">= 0.97", value >= 0.97, _size(default, seconds)),
        Figure("pokedex, smallervgg, a grouped fold: accuracy", vgg.scores.accuracy.value, "", None, _size(vgg, long)),
    ]


def _groceries(data: Path, folder: Path) -> list[Figure]:
    seconds, training = _train(data / "grocery", folder / "tuned", Recipe("lite0:tuned"))
    result = _of(training, "validation")
    value = result.scores.accuracy.value
    return [
        Figure("groceries, fine-tuned: accuracy", value, ">= 0.88", value >= 0.88, _size(result, seconds)),
        Figure("  minutes", seconds / 60, "<= 15", seconds <= 900, "one run"),
    ]


def _train(photos: Path, out: Path, recipe: Recipe) -> tuple[float, Training]:
    os.environ["GOODSIGHT_CACHE"] = str(out.parent / "cache")
    start = time.monotonic()
    training = goodsight.train(photos, out, recipe=recipe)
    return time.monotonic() - start, training


def _of(training: Training, name: str) -> Result:
    return next(result for result in training.measured.results if result.name == name)


def _size(result: Result, seconds: float) -> str:
    return f"n={result.scores.n}, {result.scores.groups} groups, {seconds:.0f} s"


if __name__ == "__main__":
    raise SystemExit(not main())
