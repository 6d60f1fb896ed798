"""``kill -9`` of the service under load, again and again: is every answer that was given in the store?"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from pathlib import Path

import drawn
import loopback
import numpy as np
from common import Figure, tell

import goodsight
from goodsight import Wishes
from goodsight.store import Store

KILLS = 20


def main() -> bool:
    """Start, load, kill, and look."""
    argparse.ArgumentParser(description=__doc__).parse_known_args()
    answered: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos", per_kind=40, faults=0)
        goodsight.train(folder / "photos", folder / "model", wishes=Wishes(budget=0))
        rng = np.random.default_rng(0)
        requests = [loopback.check_request(drawn.megapixel(rng), "bag") for _ in range(100)]
        for number in range(KILLS):
            with loopback.service(folder / "model", folder / "data") as running:
                killer = threading.Timer(0.5 + 0.1 * number, running.process.kill)
                killer.start()
                made = loopback.load(running.port, requests, 1 + 0.1 * number, connections=32, keep_bodies=True)
                killer.join()
                answered += [json.loads(body)["id"] for body in made.bodies]
        store = Store.open("", folder / "data")
        found = [store.check(id) for id in answered]
        lost = sum(checked is None for checked in found)
        photos = sum(checked is not None and store.photo(checked.sha256) is None for checked in found)
        store.close()
    n = f"{KILLS} kills, n={len(answered)} answers"
    figures = [
        Figure("answers given and not in the store", lost, "= 0", lost == 0 and bool(answered), n),
        Figure("  answers whose photo is not kept", photos, "= 0", photos == 0, n),
    ]
    return tell("killed", figures)


if __name__ == "__main__":
    raise SystemExit(not main())
