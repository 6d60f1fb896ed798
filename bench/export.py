"""Exported models against the models themselves, on real photos: ONNX, OpenVINO, 8-bit integers, and the page.

The page is visited with Chromium and needs the npm package onnxruntime-web (``--runtime``, else npm fetches it).
Without Chromium it is left out. Speeds are ratios of one run.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import Figure, command, tell
from playwright.sync_api import sync_playwright

import goodsight
from goodsight.arrays import Doubles, Pixels
from goodsight.exporting import composed, openvino_files
from goodsight.flow.export import AGREE, Exported, own, probabilities
from goodsight.model import folder as model_folder
from goodsight.model.record import Model
from goodsight.photos import decoder

SHOWN = 50
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def main() -> bool:
    """Train on two sets, export in every form, and compare on the validation photos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runtime", type=Path)
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        for photos in ("ads", "grocery"):
            folder = Path(name) / photos
            command(
                "train", given.data / photos, "--out", folder / "model", "--spoilt", "0", cache=Path(name) / "cache"
            )
            figures += measure(photos, given.data / photos, folder, given.runtime)
    return tell("export", figures)


def measure(name: str, photos: Path, folder: Path, runtime: Path | None) -> list[Figure]:
    """All figures of one set, whose model lies in the folder."""
    model, _ = model_folder.read(folder / "model")
    paths, labels = validation(photos)
    pixels = np.stack([decoder.decode(decoder.read(path), model.backbone.resize) for path in paths])
    exact, n = own(model, pixels), f"{len(pixels)} photos"
    made = goodsight.export(folder / "model", folder / "model.onnx")
    goodsight.export(folder / "model", folder / "openvino", to="openvino")
    small = goodsight.export(folder / "model", folder / "small.onnx", int8=[photos])
    one = probabilities(model, composed.answered(str(made.path), pixels))
    other = probabilities(model, openvino_files.answered(folder / "openvino", pixels))
    figures = []
    for form, found, most in (("ONNX", one, AGREE["onnx"]), ("OpenVINO, float32", other, AGREE["openvino"])):
        off = float(np.abs(found - exact).max())
        figures.append(
            Figure(f"{name}, {form}: largest difference of a probability", off, f"<= {most}", off <= most, n)
        )
    figures += integers(name, model, made, small, pixels, labels)
    return figures + (page(name, folder, paths[:SHOWN], model, exact[:SHOWN], runtime) if CHROMIUM else [])


def validation(photos: Path) -> tuple[list[Path], list[str]]:
    """The validation photos and their labels, in an order of chance."""
    with (photos / "metadata.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "validation"]
    order = np.random.default_rng(0).permutation(len(rows))
    return [photos / rows[i]["file_name"] for i in order], [rows[i]["label"] for i in order]


def integers(
    name: str, model: Model, made: Exported, small: Exported, pixels: Pixels, labels: list[str]
) -> list[Figure]:
    """What 8-bit integers cost and win on the validation photos."""
    right = []
    for path in (made.path, small.path):
        found = probabilities(model, composed.answered(str(path), pixels)).argmax(axis=1)
        right.append(
            float(np.mean([model.judges[0].classes[i] == label for i, label in zip(found, labels, strict=True)]))
        )
    lost, n = right[0] - right[1], f"{len(labels)} photos; float32 {right[0]:.4f}, int8 {right[1]:.4f}"
    assert small.loss
    faster = small.loss.faster
    return [
        Figure(f"{name}, int8: accuracy lost", lost, "<= 0.01", lost <= 0.01, n),
        Figure(f"{name}, int8: times as fast, batches of 8", faster, ">= 1.2", faster >= 1.2, "best of 8, in turns"),
        Figure(f"{name}, int8: share of the bytes", small.size / made.size, "", None, f"{small.size / 1e6:.1f} MB"),
    ]


def page(
    name: str, folder: Path, paths: list[Path], model: Model, exact: Doubles, runtime: Path | None
) -> list[Figure]:
    """The page's answers in Chromium, opened from the disk, against those of the model (n, classes)."""
    goodsight.export(folder / "model", folder / "page", to="web", runtime=runtime)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox"])
        visit = browser.new_page()
        visit.set_default_timeout(300_000)
        visit.goto((folder / "page" / "index.html").as_uri())
        visit.locator("#status", has_text="Ready").wait_for()
        visit.set_input_files("#files", paths)
        visit.locator("#answers > li").nth(len(paths) - 1).wait_for()
        found: list[dict[str, Any]] = visit.eval_on_selector_all(
            ".answer", "(all) => all.map((one) => ({...one.dataset}))"
        )
        browser.close()
    answers = found[::-1]
    same = np.mean(
        [a["label"] == model.judges[0].classes[i] for a, i in zip(answers, exact.argmax(axis=1), strict=True)]
    )
    off = max(abs(float(a["probability"]) - p) for a, p in zip(answers, exact.max(axis=1), strict=True))
    n = f"{len(paths)} photos"
    return [
        Figure(f"{name}, page in Chromium: same label", float(same), "1", bool(same == 1), n),
        Figure(f"{name}, page in Chromium: largest difference", float(off), "<= 0.02", bool(off <= 0.02), n),
    ]


if __name__ == "__main__":
    raise SystemExit(not main())
