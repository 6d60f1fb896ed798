"""Hostile pages are parsed in a process that can be killed: its time grows with the square of how deep a page nests.

A page of a few megabytes can keep the parser busy for hours, and Python cannot interrupt it. The process gets JSON
lines and gives JSON lines; nothing is unpickled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType

from goodsight.collecting import pages
from goodsight.collecting.terms import Answer, NotFetched

SECONDS = 15.0


class Reader:
    """Parses pages, one at a time; used by several threads, and closed by ``with``."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def links(self, answer: Answer, selector: str) -> tuple[dict[str, int], int]:
        """As :func:`goodsight.collecting.pages.links`.

        Raises:
            NotFetched: the page cannot be parsed, or not in time.

        """
        task = json.dumps([answer.url, pages.text(answer), selector])
        with self._lock:
            process = self._process or self._start()
            timer = threading.Timer(SECONDS, process.kill)
            timer.start()
            said = _exchange(process, task)
            timer.cancel()
            if not said:
                self._stop()
        if not said:
            raise NotFetched(f"the page cannot be parsed, at least not in {SECONDS:g} s", lasting=True)
        found, selected = json.loads(said)
        return found, selected

    def _start(self) -> subprocess.Popen[str]:
        # What this process can import, and no more: -P keeps modules that lie in the current folder out.
        paths = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from goodsight.collecting import reader; reader.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths},
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the run, which then ends this process
        )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        process.wait()


def _exchange(process: subprocess.Popen[str], task: str) -> str:
    """The line that the process answers, or nothing when it dies over it."""
    if not process.stdin or not process.stdout:
        raise AssertionError("both are pipes")
    with suppress(OSError):
        process.stdin.write(task + "\n")
        process.stdin.flush()
        said = process.stdout.readline()
        return said if said.endswith("\n") else ""
    return ""


def serve() -> None:
    """The life of a parsing process."""
    alarm = getattr(signal, "alarm", lambda seconds: None)
    for line in sys.stdin:
        alarm(int(SECONDS) + 5)  # ends this process even when the one that would kill it was killed itself
        print(json.dumps(pages.links(*json.loads(line))), flush=True)  # noqa: T201
        alarm(0)
