"""What the benchmarks share: running a command from outside, and telling a figure with its bound."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured figure and the bound it is held to; ``reached`` is None where there is no bound."""

    name: str
    value: float
    bound: str
    reached: bool | None
    n: str


def tell(bench: str, figures: list[Figure]) -> bool:
    """Print figures, keep them in ``bench/results``, and say whether all bounds were reached."""
    RESULTS.mkdir(exist_ok=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    (RESULTS / f"{bench}.json").write_text(json.dumps({"machine": machine, "figures": [asdict(f) for f in figures]}))
    for f in figures:
        mark = {True: "reached", False: "MISSED", None: ""}[f.reached]
        print(f"{bench:12} {f.name:58} {f.value:>10.4f}  {f.bound:>10}  {mark:8} {f.n}", flush=True)
    return all(f.reached is not False for f in figures)


def command(*arguments: str | Path, cache: Path) -> tuple[float, float]:
    """Run the command line; wall seconds and CPU seconds. Stops the benchmark when the command fails (exit code 2)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "goodsight", *map(str, arguments)],
        env=os.environ | {"GOODSIGHT_CACHE": str(cache)},
        capture_output=True,
        text=True,
    )
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode == 2:
        sys.exit(done.stderr)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_memory(*arguments: str | Path, cache: Path) -> float:
    """Peak resident MiB of one run of the command line."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-m", "goodsight", *map(str, arguments)],
        env=os.environ | {"GOODSIGHT_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
