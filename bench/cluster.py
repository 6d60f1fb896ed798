"""Shards on workers of Ray: how fast, whether answers are the same, what a kill costs, and how much memory it takes.

``--photos N`` rows are answered for the rates, as many and five times as many for memory; many rows name the same
drawn photos, and without a cache each is decoded and embedded again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import drawn
import proxy
import pyarrow as pa
import pyarrow.parquet as pq
from common import Figure, tell

import goodsight
from goodsight import Wishes, Work, quiet
from goodsight.cluster.pool import connected
from goodsight.cluster.store import Store

PARTS = ("rate", "equal", "kills", "memory")
OUTAGE = 10.0


def main() -> bool:
    """Draw, train, and measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="not needed: the photos are drawn")
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"GOODSIGHT_CACHE": str(folder / "cache"), "RAY_USAGE_STATS_ENABLED": "0"}
        drawn.make_folder(folder / "photos", per_kind=100, faults=3)
        goodsight.train(
            folder / "photos", folder / "model", wishes=Wishes(budget=0, spoilt=0), work=Work(progress=quiet)
        )
        measured = {"rate": rates, "equal": equality, "kills": kills, "memory": memory}
        figures = []
        for part in asked.only.split(","):
            figures += measured[part](folder, asked.photos)
            print(f"{part}: {figures}", file=sys.stderr, flush=True)
    return tell("cluster", figures)


def listed(folder: Path, count: int) -> Path:
    """A list of so many rows over the same photos, in turn."""
    names = sorted(p.relative_to(folder).as_posix() for p in (folder / "photos").rglob("*") if p.is_file())
    path = folder / f"list{count}.csv"
    path.write_text("\n".join(["file_name", *(names[i % len(names)] for i in range(count))]) + "\n")
    return path


# ---- rates


def rates(folder: Path, count: int) -> list[Figure]:
    """Photos per second of one process, one worker and two, once they are started."""
    source, figures = listed(folder, count), []
    loaded = goodsight.load(folder / "model", progress=quiet)
    start = time.monotonic()
    for _ in goodsight.classify(loaded, source, work=Work(cache=False, progress=quiet)):
        pass
    single = count / (time.monotonic() - start)
    loaded.close()
    figures.append(Figure("photos/s of a single process", single, "", None, f"n={count}"))
    for on, workers, name in (
        ("", 0, "by shards, without a cluster"),
        ("ray", 1, "one worker"),
        ("ray", 2, "two workers"),
    ):
        rate, started = _rate(folder, source, count, on, workers)
        reached = rate / single >= 0.9
        figures.append(Figure(f"  {name}: share of that rate", rate / single, ">= 0.9", reached, f"n={count}"))
        if on:
            figures.append(Figure(f"  {name}: seconds until the first is ready", started, "", None, "one run"))
    return figures


def _rate(folder: Path, source: Path, count: int, on: str, workers: int) -> tuple[float, float]:
    begun, ready = time.monotonic(), 0.0

    def told(step: str, done: int, total: int, note: str = "", /) -> None:
        nonlocal ready
        if not ready and ((step == "start workers" and done) or not on):
            ready = time.monotonic()

    out = folder / f"rate-{on}{workers}"
    work = Work(cache=False, on=on, workers=workers, progress=told)
    goodsight.classify_shards(folder / "model", source, out=out, work=work)
    return count / (time.monotonic() - ready), ready - begun


# ---- equality


def equality(folder: Path, count: int) -> list[Figure]:
    """The sorted answers from a folder, a bucket and a tar, by one process and by one and two workers."""
    photos = folder / "photos"
    with tarfile.open(folder / "photos.tar", "w") as tar:
        for path in sorted(p for p in photos.rglob("*") if p.is_file()):
            tar.add(path, path.relative_to(photos).as_posix())
    found: Counter[str] = Counter()
    ways = (("", 0, 64), ("", 0, 1000), ("ray", 1, 64), ("ray", 1, 1000), ("ray", 2, 64))
    with proxy.bucket() as bucket, connected("ray"):
        bucket.fill("photos", photos)
        sources = {"folder": str(photos), "tar": str(folder / "photos.tar"), "s3": "s3://shop/photos/"}
        for (name, source), (on, workers, shard) in product(sources.items(), ways):
            out = f"{'s3://shop' if name == 's3' else folder}/{name}{on}{workers}-{shard}"
            work = Work(on=on, workers=workers, shard=shard, progress=quiet)
            goodsight.classify_shards(folder / "model", source, out=out, work=work)
            found[_digest(Store(out))] += 1
    n = f"{found.total()} runs over {len(list(photos.rglob('*.*')))} photos"
    return [Figure("different answers: folder, tar, S3; shards of 64, 1,000", len(found), "= 1", len(found) == 1, n)]


def _answers(store: Store) -> list[str]:
    """Every row of every shard as a line of JSON."""
    names = sorted(name for name in store.names() if name.endswith(".parquet"))
    tables = (pq.read_table(pa.BufferReader(store.read(name))) for name in names)
    return [json.dumps(row, sort_keys=True) for table in tables for row in table.to_pylist()]


def _digest(store: Store) -> str:
    return hashlib.sha256("\n".join(sorted(_answers(store))).encode()).hexdigest()


# ---- kills


def kills(folder: Path, count: int) -> list[Figure]:
    """``kill -9`` of a worker, of the driver, and of the way to storage for ten seconds, each in the middle."""
    count, shard = min(count, 4000), 100
    source = listed(folder, count)
    asked = [str(folder / "model"), str(source), "--on", "ray", "--workers", "2", "--shard", str(shard), "--no-cache"]

    def worker_dies(process: subprocess.Popen[bytes]) -> None:
        os.kill(next(_workers(process.pid)), signal.SIGKILL)

    figures = []
    out = folder / "killed-worker"
    _killed([*asked, "--out", f"{out}/"], Store(str(out)), count // shard // 3, worker_dies)
    figures += _once("a worker killed", Store(str(out)), count)

    out = folder / "killed-driver"
    _killed([*asked, "--out", f"{out}/"], Store(str(out)), count // shard // 3, lambda process: process.kill())
    before = len(Store(str(out)).names()) - 1
    done = goodsight.classify_shards(
        folder / "model", source, out=out, work=Work(cache=False, on="ray", workers=2, shard=shard, progress=quiet)
    )
    figures += _once("the driver killed, and the command run again", Store(str(out)), count)
    lost = before * shard - done.kept
    figures.append(
        Figure("  photos of whole shards that were answered again", lost, "= 0", lost == 0, f"n={before * shard}")
    )

    with proxy.bucket() as bucket:
        bucket.fill("photos", folder / "photos")
        store = Store("s3://shop/killed/")
        few = [asked[0], "s3://shop/photos/", *asked[2:6], "--shard", "20", "--no-cache", "--out", store.place]
        many = len(bucket.keys("photos/"))
        _killed(few, store, many // 20 // 3, lambda process: bucket.gone(OUTAGE))
        figures += _once(f"storage out of reach for {OUTAGE:.0f} s", store, many)
    return figures


def _killed(arguments: list[str], store: Store, after: int, kill: Callable[[subprocess.Popen[bytes]], None]) -> None:
    """Run ``classify``, do harm when so many shards are there, and wait for its end."""
    process = subprocess.Popen([sys.executable, "-m", "goodsight", "classify", *arguments], stdout=subprocess.DEVNULL)
    try:
        while len(store.names()) <= after and process.poll() is None:
            time.sleep(0.1)
        below = list(_below(process.pid))
        kill(process)
        process.wait(timeout=600)
    finally:
        process.kill()
    end = time.monotonic() + 120
    while any(_alive(pid) for pid in below):
        if time.monotonic() > end:
            sys.exit(f"processes of Ray are left after the driver: {[pid for pid in below if _alive(pid)]}")
        time.sleep(0.2)


def _once(what: str, store: Store, count: int) -> list[Figure]:
    """How many photos have no answer, or several."""
    rows = _answers(store)
    broken = sum('"reason": "un' in row or '"reason": "no access' in row for row in rows)
    wrong = abs(len(rows) - count) + broken
    return [Figure(f"{what}: photos not answered exactly once", wrong, "= 0", wrong == 0, f"n={count}")]


# ---- memory


def memory(folder: Path, count: int) -> list[Figure]:
    """The peaks of driver and worker for all rows against a fifth of them; all photos are in the cache."""
    peaks = {rows: _peaks(folder, listed(folder, rows)) for rows in (count, 5 * count)}
    figures = []
    for number, who in enumerate(("driver", "worker")):
        few, many = peaks[count][number], peaks[5 * count][number]
        figures.append(Figure(f"peak MiB of the {who}", many, "", None, f"n={5 * count}"))
        figures.append(Figure("  against a fifth of the rows", many / few, "<= 1.1", many / few <= 1.1, f"n={count}"))
    return figures


def _peaks(folder: Path, source: Path) -> tuple[float, float]:
    """MiB of the driver and of its worker."""
    asked = [str(folder / "model"), str(source), "--on", "ray", "--workers", "1", "--out", f"{folder}/{source.stem}/"]
    process = subprocess.Popen([sys.executable, "-m", "goodsight", "classify", *asked])
    driver = worker = 0.0
    while process.poll() is None:
        driver = max(driver, _peak(process.pid))
        worker = max([worker, *map(_peak, _workers(process.pid))])
        time.sleep(0.2)
    return driver, worker


def _peak(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024 if "VmHWM:" in status else 0.0


def _workers(driver: int) -> Iterator[int]:
    """The processes of a driver's workers."""
    return (pid for pid in _below(driver) if _said(pid).startswith("ray::Worker"))


def _below(pid: int) -> Iterator[int]:
    """The processes that a process started, and those that they did."""
    parents = {int(p.name): _parent(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdecimal()}
    below = {pid}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return iter(below - {pid})


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _said(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    return bool(_said(pid))


if __name__ == "__main__":
    raise SystemExit(not main())
