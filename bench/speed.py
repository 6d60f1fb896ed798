"""Wall time of ``goodsight train`` on the ads, cold and warm, against the tutorial's Keras recipe in the same run.

Cold means an empty cache folder but for the exported network, which is made once per machine; the time with that
export is printed beside it. TensorFlow is installed into bench/.keras the first time.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import Figure, command, tell
from PIL import Image

KERAS = Path(__file__).parent / ".keras"


def main() -> bool:
    """Time the recipe once, and Goodsight in the same run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    ads = parser.parse_args().data / "ads"
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
