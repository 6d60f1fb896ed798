"""Wall time of ``goodsight train`` on the ads, cold and warm, against the tutorial's Keras recipe in the same run.

Cold means an empty cache folder but for the exported network, which is made once per machine; the time with that
export is printed beside it. TensorFlow is installed into bench/.keras the first time. ``--only card`` measures what the
robustness card takes of a cold training, of all ads and of 300 of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import Figure, command, tell
from PIL import Image

KERAS = Path(__file__).parent / ".keras"
FEW = 300


def main() -> bool:
    """Each part in turn; ``--only`` takes one."""
    parts = {"keras": _keras, "card": _card}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=parts)
    given = parser.parse_args()
    reached = True
    for name in [given.only] if given.only else parts:
        reached &= parts[name](given.data / "ads")
    return reached


def _card(ads: Path) -> bool:
    """The share of a cold training that the robustness card takes, and how many photos it tries."""
    with (ads / "metadata.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = folder / "few.csv"
        with few.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["file_name", "label"])
            writer.writerows([ads / row["file_name"], row["label"]] for row in rows[:: len(rows) // FEW][:FEW])
        command("train", few, "--out", folder / "model", cache=folder / "cache")  # exports the network
        for photos, count in ((few, FEW), (ads, len(rows))):
            shutil.rmtree(folder / "cache" / "embeddings")
            command("train", photos, "--out", folder / "model", "--force", cache=folder / "cache")
            found = json.loads((folder / "model" / "metrics.json").read_text())
            seconds, card = found["seconds"], found["robustness"]
            share = seconds["spoil photos"] / sum(seconds.values())
            tried = f"n={count}, {card['n']} photos in {card['ways']} ways each"
            figures.append(Figure("robustness card / cold training", share, "<= 0.1", share <= 0.1, tried))
    return tell("speed-card", figures)


def _keras(ads: Path) -> bool:
    """Time the recipe once, and Goodsight in the same run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, _ = command("train", ads, "--out", folder / "first", cache=folder / "cache")
        shutil.rmtree(folder / "cache" / "embeddings")
        cold, _ = command("train", ads, "--out", folder / "cold", cache=folder / "cache")
        warm, _ = command("train", ads, "--out", folder / "warm", cache=folder / "cache")
        keras, accuracy = keras_recipe(ads, folder / "resized")
    figures = [
        Figure("Keras recipe: wall seconds", keras, "", None, f"accuracy {accuracy:.3f}, n=4276"),
        Figure("goodsight train, network exported as well: seconds", first, "", None, f"1/{keras / first:.1f}"),
        Figure("goodsight train, cold: seconds", cold, "", None, f"1/{keras / cold:.1f}"),
        Figure("goodsight train, warm: seconds", warm, "", None, f"1/{keras / warm:.1f}"),
        Figure("Keras / cold", keras / cold, ">= 15", keras / cold >= 15, "one run each"),
        Figure("warm / cold", warm / cold, "<= 0.333", warm / cold <= 1 / 3, "one run each"),
    ]
    _, cpu = command("--help", cache=KERAS)
    figures.append(Figure("goodsight --help: CPU seconds", cpu, "< 0.3", cpu < 0.3, "one run"))
    return tell("speed", figures)


def install_keras() -> Path:
    """The Python of an environment with TensorFlow and Flask, made the first time."""
    python = KERAS / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", KERAS], check=True)
    wanted = ("tensorflow==2.21.*", "pillow", "scipy", "flask==3.*")
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def keras_recipe(ads: Path, resized: Path) -> tuple[float, float]:
    """Wall seconds and validation accuracy of the tutorial's recipe."""
    python = install_keras()
    with (ads / "metadata.csv").open() as stream:
        for row in csv.DictReader(stream):
            if row["split"]:
                path = resized / row["split"] / row["file_name"]
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.open(ads / row["file_name"]).convert("RGB").resize((64, 64)).save(path)
    recipe = Path(__file__).parent / "keras_recipe.py"
    start = time.monotonic()
    done = subprocess.run([python, recipe, resized], check=True, capture_output=True, text=True)
    return time.monotonic() - start, float(done.stdout.split()[-1])


if __name__ == "__main__":
    raise SystemExit(not main())
