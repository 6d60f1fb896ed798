"""``classify`` on generated 1-megapixel JPEGs against its bound, and its memory on ten times as many photos.

The bound is 1 / (1 / decode-only + 1 / network-only) photos/s: both share the processors. All three are measured in
this process, in turn, on the same files.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import drawn
import numpy as np
from common import Figure, peak_memory, tell

import goodsight
from goodsight import Work
from goodsight.embedding.embedder import BATCH
from goodsight.files import cache_folder
from goodsight.photos import decoder

PHOTOS = 2000
ROUNDS = 3


def main() -> bool:
    """Draw the photos, train a small model, measure."""
    argparse.ArgumentParser(description=__doc__).parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos")
        goodsight.train(folder / "photos", folder / "model")
        rng = np.random.default_rng(0)
        (folder / "new").mkdir()
        for number in range(PHOTOS):
            (folder / "new" / f"{number:05d}.jpg").write_bytes(drawn.megapixel(rng))
        files = sorted((folder / "new").iterdir())
        loaded = goodsight.load(folder / "model")
        resize = loaded.model.backbone.resize
        shares = []
        for _ in range(ROUNDS):
            start = time.monotonic()
            with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
                list(pool.map(lambda path: decoder.decode(decoder.read(path), resize).shape, files, chunksize=16))
            decode = PHOTOS / (time.monotonic() - start)
            pixels = np.stack([decoder.decode(decoder.read(path), resize) for path in files[:BATCH]])
            start = time.monotonic()
            batches = [loaded.engine.submit(pixels) for _ in range(PHOTOS // BATCH)]
            for batch in batches:
                batch.result()
            network = PHOTOS / (time.monotonic() - start)
            start = time.monotonic()
            count = sum(1 for _ in goodsight.classify(loaded, folder / "new", work=Work(cache=False)))
            classify = count / (time.monotonic() - start)
            bound = 1 / (1 / decode + 1 / network)
            shares.append((classify / bound, decode, network, classify))
        share, decode, network, classify = sorted(shares)[ROUNDS // 2]
        # The same pictures under ten times as many names, so that the disk holds what a user's would.
        (folder / "many").mkdir()
        for number in range(10 * PHOTOS):
            (folder / "many" / f"{number:06d}.jpg").hardlink_to(files[number % PHOTOS])
        out, cache = folder / "out.csv", cache_folder()
        run = ("classify", folder / "model", "--out", out, "--no-cache", "--force")
        few = peak_memory(*run, folder / "new", cache=cache)
        many = peak_memory(*run, folder / "many", cache=cache)
    n = f"n={PHOTOS}, median of {ROUNDS}"
    figures = [
        Figure("decode only: photos/s", decode, "", None, n),
        Figure("network only: photos/s", network, "", None, n),
        Figure("classify: photos/s", classify, "", None, n),
        Figure("classify / bound", share, ">= 0.85", share >= 0.85, n),
        Figure("peak MiB on 2,000 photos", few, "", None, "one run"),
        Figure("peak memory, 20,000 photos / 2,000", many / few, "<= 1.10", many / few <= 1.10, "one run each"),
    ]
    return tell("throughput", figures)


if __name__ == "__main__":
    raise SystemExit(not main())
