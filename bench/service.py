"""Photos per second through HTTP, against the engine and decoder alone, the tutorial's Flask app and LitServe.

All on loopback, on the same generated 1-megapixel photos, in one run. Then half and twice of what it can take: latency,
refusals and memory. Flask and Keras live in bench/.keras, LitServe in bench/.litserve; both are installed the first
time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import drawn
import loopback
import numpy as np
from common import Figure, tell
from speed import install_keras

import goodsight
from goodsight import Work

PHOTOS = 1000
SECONDS = 15.0
CONNECTIONS = 64
LITSERVE = Path(__file__).parent / ".litserve"


def main() -> bool:
    """Measure all servers in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="not used; make bench gives it to every bench")
    parser.add_argument("--minutes", type=float, default=10.0, help="of twice what the service can take")
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn.make_folder(folder / "photos")
        goodsight.train(folder / "photos", folder / "model")
        rng = np.random.default_rng(0)
        photos = [drawn.megapixel(rng) for _ in range(PHOTOS)]
        alone = _alone(folder, photos)
        requests = [loopback.check_request(photo, "bag") for photo in photos]
        with loopback.service(folder / "model", folder / "data") as running:
            http = _saturate(running.port, requests)
            half = loopback.load(running.port, requests, SECONDS, rate=http.rate / 2)
            twice, memory = _twice(running, requests, 2 * http.rate, minutes)
        alone = max(alone, _alone(folder, photos))
        flask = _flask(folder, requests)
        litserve = _litserve(folder, requests)
    n = f"{SECONDS:g} s, {CONNECTIONS} connections"
    share, over_flask, over_litserve = http.rate / alone, http.rate / flask.rate, http.rate / litserve.rate
    late = half.percentile(0.99)
    holds, others = twice.rate / http.rate, sum(twice.statuses.values()) - twice.statuses[200] - twice.statuses[503]
    n_half, n_twice = f"n={half.statuses[200]}", f"{minutes:g} minutes, n={sum(twice.statuses.values())}"
    figures = [
        Figure("engine and decoder in-process: photos/s", alone, "", None, f"n={PHOTOS}, the better of two"),
        Figure("through HTTP at saturation: photos/s", http.rate, "", None, n),
        Figure("HTTP / in-process", share, ">= 0.70", share >= 0.70, n),
        Figure("tutorial's Flask and Keras app: photos/s", flask.rate, "", None, n),
        Figure("HTTP / Flask and Keras", over_flask, ">= 5", over_flask >= 5, n),
        Figure("LitServe, same network and decoder: photos/s", litserve.rate, "", None, n),
        Figure("HTTP / LitServe", over_litserve, ">= 1.2", over_litserve >= 1.2, n),
        Figure("at half of saturation: p99 seconds", late, "< 0.150", late < 0.150, n_half),
        Figure("at twice saturation: rate / saturation", holds, ">= 0.9", holds >= 0.9, n_twice),
        Figure("  answers that are neither 200 nor 503", others, "= 0", others == 0, n_twice),
        Figure("  slowest 200: seconds", twice.percentile(1.0), "< 5", twice.percentile(1.0) < 5, n_twice),
        Figure("  memory at the end / after a minute", memory, "<= 1.10", memory <= 1.10, n_twice),
    ]
    return tell("service", figures)


def _alone(folder: Path, photos: list[bytes]) -> float:
    """Photos per second of ``classify`` on the same photos, from disk, with no cache."""
    new = folder / "new"
    new.mkdir(exist_ok=True)
    for number, photo in enumerate(photos):
        (new / f"{number:04}.jpg").write_bytes(photo)
    loaded = goodsight.load(folder / "model")
    rates = []
    for _ in range(2):  # the first run of a process is slower
        start = time.monotonic()
        count = sum(1 for _ in goodsight.classify(loaded, new, work=Work(cache=False)))
        rates.append(count / (time.monotonic() - start))
    loaded.engine.close()
    return max(rates)


def _saturate(port: int, requests: list[bytes]) -> loopback.Load:
    loopback.load(port, requests, 3, connections=CONNECTIONS)
    return loopback.load(port, requests, SECONDS, connections=CONNECTIONS)


def _twice(
    running: loopback.Running, requests: list[bytes], rate: float, minutes: float
) -> tuple[loopback.Load, float]:
    """A minute at a time: all the answers, and memory at the end over memory after the first part."""
    total, sizes = loopback.Load(), []
    part = min(60.0, 60 * minutes)
    for _ in range(max(1, round(60 * minutes / part))):
        made = loopback.load(running.port, requests, part, rate=rate)
        total.seconds += made.seconds
        total.statuses += made.statuses
        total.latencies += made.latencies
        sizes.append(running.resident())
    return total, sizes[-1] / sizes[0]


def _flask(folder: Path, requests: list[bytes]) -> loopback.Load:
    """The tutorial's app, in an environment of its own."""
    python = install_keras()
    uploads = folder / "uploads"
    uploads.mkdir()
    app = Path(__file__).parent / "flask_app.py"
    with loopback.running([str(python), str(app), "--uploads", str(uploads)], "/") as running:
        return _saturate(running.port, requests)


def _litserve(folder: Path, requests: list[bytes]) -> loopback.Load:
    """LitServe around the model's own network file and our decoder, batched as its documentation says."""
    if not LITSERVE.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--target", LITSERVE, "litserve==0.2.*"], check=True
        )
    app = Path(__file__).parent / "litserve_app.py"
    env = os.environ | {"PYTHONPATH": str(LITSERVE)}
    command = [sys.executable, str(app), "--model", str(folder / "model")]
    with loopback.running(command, "/health", env=env) as running:
        return _saturate(running.port, [r.replace(b"POST /v1/check", b"POST /predict", 1) for r in requests])


if __name__ == "__main__":
    raise SystemExit(not main())
