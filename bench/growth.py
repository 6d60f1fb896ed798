"""How the audit, near pairs and the cache grow with the photos, on generated embeddings and pictures.

Embeddings are drawn so that their sketches are spread as those of 3,601 fashion photos (two thirds of the variance in
32 directions, half of the photos with six neighbours of a cosine above 0.65), and one in a hundred is a near copy. No
photo is read: the audit's steps are measured from where embeddings and looks are there. Each size runs in a process of
its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import Figure, tell

from goodsight.arrays import Half, Ints, Pixels
from goodsight.auditing import copies, inspection
from goodsight.auditing.looks import SIDE, Looks, Pictures
from goodsight.backbones import by_name
from goodsight.backbones.backbone import Backbone, Block
from goodsight.catalog.replay import Replayed
from goodsight.catalog.rows import LABEL, Catalog, Row
from goodsight.embedding import neighbours, records, twins
from goodsight.embedding.cache import Cache
from goodsight.embedding.filed import HELD, Filing
from goodsight.embedding.table import THUMBNAIL, Table
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.photos.resize import Resize
from goodsight.progress import quiet

SIZES = (20_000, 60_000, 200_000)
CLASSES = 20
WIDTH = 256
SPREAD = (np.arange(WIDTH, dtype=np.float32) + 1) ** -0.6
SPREAD /= np.linalg.norm(SPREAD)
COPIES = 100
"""One photo in so many is a near copy of another."""


def main() -> bool:
    """Each part in turn; ``--only`` takes some, ``--photos`` sizes, ``--one`` is what each process runs."""
    parts: dict[str, Callable[[list[int]], list[Figure]]] = {
        "audit": _audit,
        "recall": lambda _: _recall(),
        "million": lambda _: _million(),
        "cache": lambda _: _cache(),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="not looked at; every benchmark has it")
    parser.add_argument("--only", choices=parts, action="append")
    parser.add_argument("--photos", type=int, nargs="*", default=SIZES)
    parser.add_argument("--one", nargs=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("GOODSIGHT_CACHE")) as folder:
        os.environ["GOODSIGHT_CACHE"] = os.environ.get("GOODSIGHT_CACHE", folder)
        if given.one:
            print(json.dumps({"laps": _laps, "million": _paired, "cache": _opened}[given.one[0]](int(given.one[1]))))
            return True
        reached = True
        for name in given.only or parts:
            reached &= tell(f"growth-{name}", parts[name](given.photos))
    return reached


def _run(what: str, size: int) -> Any:
    done = subprocess.run([sys.executable, __file__, "--one", what, str(size)], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def _peak() -> float:
    """Of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---- what is generated


def drawn(count: int, seed: int = 0) -> Iterator[tuple[Half, Ints]]:
    """Vectors (k, 256) and classes (k,) in blocks; the last hundredth are near copies of the first."""
    centres = np.random.default_rng(seed).standard_normal((CLASSES, WIDTH), np.float32) * SPREAD
    whole = count - count // COPIES
    for begin in range(0, count, HELD // 10):
        places = np.arange(begin, min(begin + HELD // 10, count))
        rng = np.random.default_rng([seed, begin])
        block, classes = np.empty((len(places), WIDTH), np.float32), np.empty(len(places), np.int64)
        for row, place in enumerate(np.where(places < whole, places, places - whole).tolist()):
            own = np.random.default_rng([seed, 1, place])
            classes[row] = own.integers(CLASSES)
            block[row] = 0.8 * centres[classes[row]] + own.standard_normal(WIDTH, np.float32) * SPREAD
        noise = 0.1 * WIDTH**-0.5 * rng.standard_normal(block.shape, np.float32)
        yield (block + noise * (places >= whole)[:, None]).astype(np.float16), classes


def _embedded(backbone: Backbone, count: int) -> Table:
    """Embeddings as wide as the network's, never negative, of columns of very different size; all in their file."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((WIDTH, backbone.width), np.float32)
    scale = np.exp(rng.standard_normal(backbone.width, np.float32))
    vectors, labels = Filing(count, backbone.width), []
    for block, classes in drawn(count):
        labels += classes.tolist()
        for vector in (np.maximum(block.astype(np.float32) @ mix + 0.5, 0) * scale).astype(np.float16):
            vectors.add(vector)
    rows = tuple(
        Row(f"{i:07}.jpg", Path(f"/photos/{i:07}.jpg"), (f"class {label:02}",)) for i, label in enumerate(labels)
    )
    return Table(rows, tuple(f"{i:064x}" for i in range(count)), vectors.done(), _thumbnails(count), ())


def _thumbnails(count: int) -> Pixels:
    """Smooth grey pictures (n, 256); a near copy has its original's."""
    small = np.random.default_rng(1).integers(0, 256, (count, 4, 4), np.uint8)
    small[count - count // COPIES :] = small[: count // COPIES]
    return small.repeat(THUMBNAIL // 4, axis=1).repeat(THUMBNAIL // 4, axis=2).reshape(count, THUMBNAIL**2)


def _looks(count: int) -> Looks:
    """Sharp pictures of good light; a near copy has its original's."""
    pictures: Pixels | Pictures = Pictures()
    if count <= HELD:
        pictures = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for place in range(count):
        original = place - (count - count // COPIES)
        own = np.random.default_rng([2, original if original >= 0 else place])
        small = own.integers(0, 256, (16, 16, 3), np.uint8)
        pictures[place] = small.repeat(SIDE // 16, axis=0).repeat(SIDE // 16, axis=1)
    ones = np.ones(count)
    return Looks(pictures, np.full((count, 2), 640), 0.2 * ones, 0.1 * ones, 0.9 * ones, 0.5 * ones)


# ---- the audit


def _audit(sizes: list[int]) -> list[Figure]:
    """Seconds and peak of each step for each size, and how much longer the largest takes than the smallest."""
    runs = {size: _run("laps", size) for size in sizes}
    figures = [
        Figure(f"audit of {size} photos: {step}, s", seconds, "", None, f"peak so far {peak:.0f} MB")
        for size, steps in runs.items()
        for step, seconds, peak in steps
    ]
    seconds = {size: sum(lap[1] for lap in steps[1:]) for size, steps in runs.items()}
    peaks = {size: steps[-1][2] for size, steps in runs.items()}
    figures += [Figure(f"audit of {size} photos: seconds", s, "", None, "all steps") for size, s in seconds.items()]
    small, large = min(sizes), max(sizes)
    ratio, bound = seconds[large] / seconds[small], 1.2 * large / small
    rise = (peaks[large] - peaks[small]) / (large - small) * 1000
    return [
        *figures,
        Figure("audit: seconds, largest / smallest", ratio, f"<= {bound:.1f}", ratio <= bound, f"{large} / {small}"),
        Figure("audit: KB of memory for one more photo", rise, "", None, f"{small} to {large}"),
    ]


def _laps(size: int) -> list[tuple[str, float, float]]:
    """Each step of the audit with its seconds, and the peak of this process until then."""
    laps: list[tuple[str, float, float]] = []
    last = time.monotonic()

    def lap(step: str) -> None:
        nonlocal last
        now = time.monotonic()
        laps.append((step, now - last, _peak()))
        last = now

    backbone = by_name.load()
    table = _embedded(backbone, size)
    catalog = Catalog("generated", table.rows, (LABEL,))
    seen = inspection.Seen(table, _looks(size), backbone)
    lap("generate")
    found = inspection.inspect("generated", Replayed(catalog), seen, DEFAULT_LIMITS, lap, quiet)
    copied = len({finding.row.file_name for finding in found.of("near twin")})
    print(f"{size}: {copied} near twins of {size // COPIES}; {found.notes}", file=sys.stderr)
    return laps


# ---- near pairs


def _recall() -> list[Figure]:
    """All pairs that exact search finds among 60,000, and how many of them the index finds."""
    vectors, count = np.concatenate([block for block, _ in drawn(60_000)]), 60_000
    exact = neighbours.nearest(vectors, copies.WORTH, copies.NEIGHBOURS, "exact").pairs
    index = neighbours.nearest(vectors, copies.WORTH, copies.NEIGHBOURS, "index")
    one, other = (pairs[:, 0] * count + pairs[:, 1] for pairs in (exact, index.pairs))
    recall = float(np.isin(one, other).mean())
    return [
        Figure("near pairs through the index: recall", recall, ">= 0.98", recall >= 0.98, f"{len(exact)} pairs"),
        Figure("  as the sample says", index.recall or 0.0, "", None, f"n={count}"),
    ]


def _million() -> list[Figure]:
    """Near twins among a million vectors in a file, and their groups."""
    seconds, peak, found, recall = _run("million", 1_000_000)
    return [
        Figure("a million vectors: minutes to near pairs and groups", seconds / 60, "<= 20", seconds <= 1200, ""),
        Figure("  peak MB", peak, "<= 4096", peak <= 4096, "vectors mapped"),
        Figure("  near copies found in their original's group", found, "", None, "n=10,000"),
        Figure("  near pairs found, as the sample says", recall, ">= 0.98", recall >= 0.98, ""),
    ]


def _paired(count: int) -> tuple[float, float, float, float]:
    """Seconds, peak, the share of near copies that are in their original's group, and the recall of the index."""
    with tempfile.TemporaryFile() as stream:
        vectors: Any = np.memmap(stream, np.float16, "w+", shape=(count, WIDTH))
        begin = 0
        for block, _ in drawn(count):
            vectors[begin : begin + len(block)] = block
            begin += len(block)
        digests, thumbnails, begun = [f"{i:064x}" for i in range(count)], _thumbnails(count), time.monotonic()
        near = neighbours.nearest(vectors, copies.WORTH, copies.NEIGHBOURS)
        groups = twins.find(digests, thumbnails, vectors, among=near.pairs).groups
        seconds, made = time.monotonic() - begun, count // COPIES
    return seconds, _peak(), float((groups[-made:] == groups[:made]).mean()), near.recall or 0.0


# ---- the cache


def _cache() -> list[Figure]:
    """A cache of a million generated photos with narrow embeddings: opening it, and looking photos up."""
    seconds, memory, hit = _run("cache", 1_000_000)
    return [
        Figure(
            "a cache of a million photos: seconds to open", seconds, "< 1", seconds < 1, f"{memory:.0f} MB of index"
        ),
        Figure("  microseconds to read one photo", hit, "", None, "8 columns, n=5,000"),
    ]


class _Engine:
    name, precision = "none", "f32"


def _opened(count: int) -> tuple[float, float, float]:
    """Seconds to open, MB of memory for it, and microseconds for each photo that is read."""
    backbone = Backbone("narrow", Path("none"), "0" * 64, Resize(32, "pad"), (Block("all", 8, 1.0),))
    engine: Any = _Engine()
    folder, rng = Cache(backbone, engine).folder, np.random.default_rng(0)
    vector, thumbnail = np.zeros(8, np.float16), np.zeros(THUMBNAIL**2, np.uint8)
    for _ in range(0, count, HELD):
        keys = [rng.bytes(32) for _ in range(HELD)]
        records.begun(folder, records.packed(keys, [vector] * HELD, [thumbnail] * HELD))
    Cache(backbone, engine)  # The first opening writes the index.
    before, begun = _peak(), time.monotonic()
    cache = Cache(backbone, engine)
    seconds, memory = time.monotonic() - begun, _peak() - before
    begun = time.monotonic()
    missing = sum(cache.get(key.hex()) is None for key in keys[:5000])
    each = (time.monotonic() - begun) / 5000 * 1e6
    if missing:
        sys.exit(f"{missing} of 5000 photos are not in the cache")
    return seconds, memory, each


if __name__ == "__main__":
    raise SystemExit(not main())
