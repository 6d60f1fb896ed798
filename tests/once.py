"""What several files of tests need is made once in a run, by whichever of pytest's processes asks first."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` filled; other processes wait for it.

    Args:
        factory: pytest's own.
        name: of the folder.
        make: fills an empty folder; when it raises, the next to ask tries again in another one.

    """
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    base = factory.getbasetemp() if alone else factory.getbasetemp().parent
    folder, done = base / "once" / name, base / "once" / f"{name}.done"
    folder.parent.mkdir(exist_ok=True)
    with (base / "once" / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return Path(done.read_text(encoding="utf-8"))
        while folder.exists():
            folder = folder.with_name(f"{folder.name}-again")
        folder.mkdir()
        make(folder)
        done.write_text(str(folder), encoding="utf-8")
    return folder
