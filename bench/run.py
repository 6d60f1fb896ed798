"""Run every benchmark in turn; the exit code is 1 when a bound was missed. ``make bench`` calls this."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BENCHES = (
    "accuracy",
    "conformal",
    "elsewhere",
    "speed",
    "throughput",
    "ready",
    "audit",
    "attributes",
    "brands",
    "training",
    "export",
    "service",
    "hostile",
    "killed",
    "forced",
    "replicas",
    "workers",
    "cluster",
)


def main() -> int:
    """Each in a process of its own, with the photo drawer on its path."""
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent / "examples")])
    codes = [
        subprocess.run(
            [sys.executable, here / f"{name}.py", *sys.argv[1:]], env=os.environ | {"PYTHONPATH": paths}
        ).returncode
        for name in BENCHES
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
