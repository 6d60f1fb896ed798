"""Photos seen before: copies found among kept real photos, and what it costs a check at 100,000 and 1,000,000 photos.

Copies are of photos other than those that the constants of :mod:`goodsight.auditing.repeats` were chosen on. A found
photo is right when the copy was made from it, or when the audit's own method says that the two originals are copies of
each other: shops and sellers post a picture many times.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import drawn
import loopback
import numpy as np
from audit import COPIES
from common import Figure, tell
from PIL import Image

import goodsight
from goodsight.arrays import Array
from goodsight.auditing import copies
from goodsight.embedding.nearest import Nearest
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto
from goodsight.progress import quiet
from goodsight.serve.looker import Looker
from goodsight.serve.memory import Memory
from goodsight.store import Checked, Imprint, Store

FOLDERS = ("ads", "fashion", "everyday", "grocery", "clothing", "pokedex", "logos")
CHOSEN_ON = 2250
"""Photos, in the order of a shuffle, whose copies the constants were chosen on."""
COUNT = 2250
NATURAL = 0.8
"""Correlation of detail from which two originals are copies of each other."""
SECONDS = 30.0


def main() -> bool:
    """Each part in turn; ``--only`` takes one."""
    parts = {"copies": _copies, "lookup": _lookup, "service": _service}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=parts, action="append")
    parser.add_argument("--photos", type=int, default=100_000, help="that the service of the part service remembers")
    given = parser.parse_args()
    reached = True
    for name in given.only or parts:
        with tempfile.TemporaryDirectory() as folder:
            reached &= tell(f"seen-{name}", parts[name](given.data, Path(folder), given.photos))
    return reached


def _copies(data: Path, folder: Path, _: int) -> list[Figure]:
    """All distinct photos are kept; copies of some are asked for."""
    store, looker = Store.open("", folder), Looker()
    paths = {path.read_bytes(): path for name in FOLDERS for path in sorted((data / name).rglob("*.*"))}
    kept, originals = [], []
    for content in paths:
        if (imprint := _imprint(looker, content)) is not None:
            kept.append(imprint)
            originals.append(content)
    _keep(store, kept)
    memory, rng, place = Memory(store.imprints), np.random.default_rng(0), {k.sha256: i for i, k in enumerate(kept)}
    chosen, kinds = rng.permutation(len(kept))[CHOSEN_ON : CHOSEN_ON + COUNT], {**COPIES, "border": _bordered}
    found: list[tuple[int, int, str]] = []
    seconds = []
    for number, i in enumerate(chosen):
        kind = list(kinds)[number % len(kinds)]
        out = io.BytesIO()
        kinds[kind](Image.open(io.BytesIO(originals[i])).convert("RGB"), rng).save(out, "JPEG", quality=90)
        asked = _imprint(looker, out.getvalue())
        assert asked is not None
        start = time.perf_counter()
        seen = memory.recall(asked).seen
        seconds.append(time.perf_counter() - start)
        found += [(int(i), place[each.id], kind) for each in seen]
    hit = {i for i, j, _ in found if i == j}
    others = np.array([(i, j) for i, j, _ in found if i != j], np.int64).reshape(-1, 2)
    natural = (
        copies.alike(np.stack([k.picture for k in kept]), others, quiet) >= NATURAL if len(others) else others[:, 0]
    )
    wrong = len(others) - int(natural.sum())
    asked_of = {kind: chosen[n :: len(kinds)] for n, kind in enumerate(kinds)}
    eight = np.concatenate([asked_of[kind] for kind in COPIES])
    recall, precision = float(np.mean([i in hit for i in eight])), 1 - wrong / max(len(found), 1)
    n, late = f"n={len(eight)} among {len(kept)} photos", 1000 * float(np.quantile(seconds, 0.99))
    return [
        Figure("copies of 8 kinds: recall", recall, ">= 0.95", recall >= 0.95, n),
        Figure("  precision", precision, ">= 0.99", precision >= 0.99, f"{len(found)} found, {wrong} wrong"),
        Figure("  found originals that are copies of the original", float(natural.sum()), "", None, ""),
        *(
            Figure(f"  recall, {kind}", float(np.mean([i in hit for i in asked])), "", None, f"n={len(asked)}")
            for kind, asked in asked_of.items()
        ),
        Figure("  a question: median ms", 1000 * float(np.median(seconds)), "", None, n),
        Figure("  a question: p99 ms", late, "", None, n),
    ]


def _bordered(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    width = max(2, picture.width // 12)
    framed = Image.new("RGB", (picture.width + 2 * width, picture.height + 2 * width), tuple(rng.integers(0, 256, 3)))
    framed.paste(picture, (width, width))
    return framed


def _imprint(looker: Looker, content: bytes) -> Imprint | None:
    try:
        pixels = decoder.decode(content, looker.backbone.resize)
    except BadPhoto:
        return None
    return looker.of_pixels(hashlib.sha256(content).hexdigest(), pixels)


def _keep(store: Store, made: list[Imprint]) -> None:
    """With an answer each, whose id is the content's hash; written some at a time, as a service does."""
    known = {"model": "m", "model_id": "m", "declared": "", "label": "", "verdict": "sure", "reason": "", "client": "b"}
    for start in range(0, len(made), 5000):
        some = made[start : start + 5000]
        store.add_checks(
            [
                Checked(
                    id=imprint.sha256,
                    time=time.time(),
                    sha256=imprint.sha256,
                    probability=1.0,
                    p_value=1.0,
                    probabilities={},
                    **known,
                )
                for imprint in some
            ],
            some,
        )


def _generated(base: Array, count: int, rng: np.random.Generator) -> Iterator[Array]:
    """Sketches near those of real photos (k, 256), of cosine about 0.85, some thousand at a time."""
    for start in range(0, count, 20_000):
        size = min(20_000, count - start)
        noise = rng.standard_normal((size, 256)).astype(np.float32) * 0.6 / 16
        yield np.asarray(base[rng.integers(0, len(base), size)] + noise, np.float32)


def _base(looker: Looker, count: int = 400) -> list[Imprint]:
    """Drawn photos of four kinds of things."""
    rng = np.random.default_rng(0)
    pictures = [drawn.draw(list(drawn.KINDS)[i % len(drawn.KINDS)], rng) for i in range(count)]
    made = []
    for picture in pictures:
        out = io.BytesIO()
        picture.save(out, "JPEG")
        made.append(_imprint(looker, out.getvalue()))
    return [each for each in made if each is not None]


def _unit(sketches: Array) -> Array:
    return np.asarray(sketches / np.linalg.norm(sketches, axis=1, keepdims=True), np.float32)


def _lookup(data: Path, folder: Path, _: int) -> list[Figure]:
    """The index alone: how long a question takes, and whether it finds what a comparison with all would."""
    base, figures = np.stack([each.sketch for each in _base(Looker())]).astype(np.float32), []
    for count, bound in ((100_000, 10.0), (1_000_000, 30.0)):
        rng, near = np.random.default_rng(1), Nearest()
        start = time.perf_counter()
        for part, sketches in enumerate(_generated(base, count, rng)):
            near.add(np.arange(len(sketches)) + 20_000 * part, sketches.astype(np.float16))
        built = time.perf_counter() - start
        known = _unit(np.concatenate(list(_generated(base, count, np.random.default_rng(1)))))
        asked = base + rng.standard_normal(base.shape).astype(np.float32) * 0.3 / 16
        seconds, right = [], 0
        for number, one in enumerate(asked):
            start = time.perf_counter()
            numbers = near.find(one.astype(np.float16), 16, 0.0)[0]
            seconds.append(time.perf_counter() - start)
            if number < 40:
                right += len(set(numbers[:6].tolist()) & set(np.argsort(-(known @ one))[:6].tolist()))
        late = 1000 * float(np.quantile(seconds, 0.99))
        figures += [
            Figure(f"{count:,} vectors: a look-up, median ms", 1000 * float(np.median(seconds)), "", None, ""),
            Figure("  p99 ms", late, f"<= {bound:g}", late <= bound, f"n={len(asked)}"),
            Figure("  of the six nearest of all, found", right / 240, "", None, "n=40 x 6"),
            Figure("  seconds to build", built, "", None, ""),
        ]
    return figures


def _service(data: Path, folder: Path, count: int) -> list[Figure]:
    """p99 of a check, one after the other, with and without the memory; every photo has 16 photos near it."""
    drawn.make_folder(folder / "photos")
    goodsight.train(folder / "photos", folder / "model")
    base, rng, store = _base(Looker()), np.random.default_rng(1), Store.open("", folder / "data")
    sketches = np.stack([each.sketch for each in base]).astype(np.float32)
    for some in _generated(sketches, count, rng):
        pictures = rng.integers(0, len(base), len(some))
        near = zip(some.astype(np.float16), pictures, strict=True)
        _keep(store, [Imprint(uuid.uuid4().hex * 2, sketch, base[i].picture) for sketch, i in near])
    store.close()
    requests = [
        loopback.check_request(path.read_bytes(), "bag") for path in sorted((folder / "photos").rglob("*.jpg"))[:400]
    ]
    late: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(2):
        for option, found in late.items():
            with loopback.service(
                folder / "model", folder / "data", *(["--no-seen"] if option == "without" else [])
            ) as running:
                loopback.load(running.port, requests, 3, connections=1)
                made = loopback.load(running.port, requests, SECONDS / 2, connections=1)
            found += made.latencies
    p99 = {option: 1000 * float(np.quantile(seconds, 0.99)) for option, seconds in late.items()}
    median = {option: 1000 * float(np.median(seconds)) for option, seconds in late.items()}
    more, bound = p99["with"] - p99["without"], 10.0 if count <= 100_000 else 30.0
    return [
        *(
            Figure(f"{count:,} photos, a check {option}: {name} ms", values[option], "", None, f"n={len(late[option])}")
            for option in late
            for name, values in (("median", median), ("p99", p99))
        ),
        Figure("  p99 with - without, ms", more, f"<= {bound:g}", more <= bound, ""),
    ]


if __name__ == "__main__":
    raise SystemExit(not main())
