"""Photos kept per second while each is forced to the disk before its answer, and while none is, in turn."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import drawn
import loopback
import numpy as np
from common import Figure, tell

import goodsight
from goodsight import Wishes

ROUNDS, SECONDS, CONNECTIONS = 3, 6.0, 32
PHOTOS = 2300
"""More than a round can send: a photo that is kept already costs nothing."""
_CODE = """
import sys, goodsight.store.kept as kept
if sys.argv.pop(1) == "unforced":
    kept._sync = lambda path: None
from goodsight.cli.app import main
main()
"""


def main() -> bool:
    """Serve with and without, in turn."""
    argparse.ArgumentParser(description=__doc__).parse_known_args()
    rates: dict[str, list[float]] = {"unforced": [], "forced": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos", per_kind=40, faults=0)
        goodsight.train(folder / "photos", folder / "model", wishes=Wishes(budget=0))
        rng = np.random.default_rng(0)
        photos = [drawn.megapixel(rng) for _ in range(100)]
        for turn in range(ROUNDS):
            for way, found in rates.items():
                command = [sys.executable, "-c", _CODE, way, "serve", f"m={folder / 'model'}"]
                command += ["--data", str(folder / f"{way}-{turn}")]
                with loopback.running(command, "/v2/health/ready") as running:
                    requests = list(_new(photos))
                    loopback.load(running.port, requests[:300], 2, connections=CONNECTIONS)
                    found.append(loopback.load(running.port, requests[300:], SECONDS, connections=CONNECTIONS).rate)
    share = statistics.median(rates["forced"]) / statistics.median(rates["unforced"])
    said = "; ".join(f"{way} {', '.join(f'{rate:.1f}' for rate in found)}" for way, found in rates.items())
    return tell("forced", [Figure("photos kept, forced / unforced", share, ">= 0.90", share >= 0.9, said)])


def _new(photos: list[bytes]) -> Iterator[bytes]:
    """Requests with photos that are all different: a comment in each has its number."""
    for number in range(PHOTOS):
        photo = photos[number % len(photos)]
        yield loopback.check_request(photo[:2] + b"\xff\xfe\0\x0a%08d" % number + photo[2:], "bag")


if __name__ == "__main__":
    raise SystemExit(not main())
