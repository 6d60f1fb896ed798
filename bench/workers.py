"""Two processes of the service on one port against one: photos per second at saturation, and how late at half of it."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import drawn
import loopback
import numpy as np
from common import Figure, tell

import goodsight
from goodsight import Wishes

PHOTOS, SECONDS, CONNECTIONS = 300, 15.0, 32


def main() -> bool:
    """One, then two, then one again: what else the machine does changes meanwhile, so the better one counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="not used; make bench gives it to every bench")
    parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos", per_kind=40, faults=0)
        goodsight.train(folder / "photos", folder / "model", wishes=Wishes(budget=0))
        rng = np.random.default_rng(0)
        requests = [loopback.check_request(drawn.megapixel(rng), "bag") for _ in range(PHOTOS)]
        rates: dict[int, float] = {}
        late: dict[int, float] = {}
        resident = 0.0
        for number, workers in enumerate((1, 2, 1)):
            options = ("--workers", str(workers))
            with loopback.service(folder / "model", folder / f"data{number}", *options) as running:
                loopback.load(running.port, requests, 3, connections=CONNECTIONS)
                made = loopback.load(running.port, requests, SECONDS, connections=CONNECTIONS)
                rates[workers] = max(rates.get(workers, 0.0), made.rate)
                if number < 2:
                    half = loopback.load(running.port, requests, SECONDS, rate=made.rate / 2)
                    late[workers] = half.percentile(0.99)
                if workers == 1:
                    resident = running.resident()
    n, share = f"{SECONDS:g} s, {CONNECTIONS} connections", rates[2] / rates[1]
    return tell(
        "workers",
        [
            Figure("one process: photos/s", rates[1], "", None, f"{n}, the better of two"),
            Figure("two processes: photos/s", rates[2], "", None, n),
            Figure("two / one", share, ">= 1.0", share >= 1.0, n),
            Figure("one, at half of its saturation: p99 seconds", late[1], "", None, n),
            Figure("two, at half of theirs: p99 seconds", late[2], "< 0.150", late[2] < 0.150, n),
            Figure("one process without its decoders: MiB", resident, "", None, n),
        ],
    )


if __name__ == "__main__":
    raise SystemExit(not main())
