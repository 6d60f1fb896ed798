"""Hostile bytes are decoded in processes that can be killed: one photo at a time, with a time and a memory limit.

A codec that hangs or crashes costs one process, never the service. Bytes and pixels go through memory that the two
share, and nothing is unpickled: even a process that a photo took over can only give a wrong picture.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import resource
import signal
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from goodsight.arrays import Pixels
from goodsight.photos import cost, decoder
from goodsight.photos.limits import BadPhoto, Limits, check_bytes
from goodsight.photos.resize import Resize
from goodsight.serve.allowance import Allowance, BusyError
from goodsight.serve.turns import Turns

_MEMORY = 3 * 2**30
_LARGEST = 1408
"""The largest side, in pixels, that a network is given."""
DEAR = 0.7
"""Seconds that a photo should take to be an expensive one: 12 megapixels of HEIC are none, 64 of most formats are."""
CHEAP_SECONDS = 3.0
"""Seconds that a photo of the usual size may take where the others of its size wait for it."""
_NICE = 10
_PIXELS, _BAD, _PICTURE = b"\0", b"\1", b"\2"


class DecodeTimeoutError(Exception):
    """The photo took too long to decode, and its process was stopped."""


@dataclass(frozen=True)
class _Job:
    data: bytes
    task: dict[str, Any]
    client: str
    expected: float
    found: Future[Any]


class Decoders:
    """A few decoding processes, each driven by a thread of its own.

    Photos that should take no longer than :data:`DEAR` have all but the last processes to themselves. Expensive ones
    share the last, which yield the processors to everything else, and only so many may wait.

    Args:
        count: how many processes for photos of the usual size; there is one for expensive ones for each four.
        limits: on bytes and pixels of a photo.
        seconds: how long one photo may take.
        allowance: on expensive photos.

    """

    def __init__(self, count: int, limits: Limits, seconds: float, allowance: Allowance | None = None) -> None:
        self._limits, self._seconds = limits, seconds
        self._allowance = allowance or Allowance()
        self._cheap: Turns[_Job] = Turns()
        self._dear: Turns[_Job] = Turns()
        most = max(limits.max_bytes, _LARGEST**2 * 3)
        self._workers = [_Worker(most) for _ in range(count)]
        self._dear_workers = [_Worker(most, yielding=True) for _ in range(max(1, count // 4))]
        self._cheap_threads = [self._thread(worker, self._cheap) for worker in self._workers]
        self._dear_threads = [self._thread(worker, self._dear) for worker in self._dear_workers]

    def _thread(self, worker: _Worker, turns: Turns[_Job]) -> threading.Thread:
        thread = threading.Thread(target=self._drive, args=(worker, turns), name="goodsight-decode", daemon=True)
        thread.start()
        return thread

    def pixels(self, data: bytes, resize: Resize, client: str = "") -> Future[Pixels]:
        """Decode a client's bytes to uint8 RGB (size, size, 3).

        The future raises BadPhoto, DecodeTimeoutError, or BusyError for an expensive photo that cannot be taken now.
        """
        return self._submit(data, {"resize": resize.to_json()}, client)

    def picture(self, data: bytes, most: int, client: str = "") -> Future[bytes]:
        """A JPEG of at most ``most`` pixels a side, made anew: what a browser may be shown.

        The future raises as that of :meth:`pixels`.
        """
        return self._submit(data, {"most": most}, client)

    def close(self) -> None:
        """Finish what was submitted and end the processes."""
        for turns, threads in ((self._cheap, self._cheap_threads), (self._dear, self._dear_threads)):
            turns.close()
            for thread in threads:
                thread.join()
        for worker in (*self._workers, *self._dear_workers):
            worker.close()

    def _submit(self, data: bytes, task: dict[str, Any], client: str) -> Future[Any]:
        found: Future[Any] = Future()
        try:
            check_bytes(len(data), self._limits)
            expected = min(cost.seconds(data), self._seconds)
            if expected > DEAR:
                self._allowance.take(client, expected)
        except (BadPhoto, BusyError) as error:
            found.set_exception(error)
            return found
        task |= {"bytes": len(data), "limits": [self._limits.max_bytes, self._limits.max_pixels]}
        turns = self._dear if expected > DEAR else self._cheap
        turns.put(_Job(data, task, client, expected, found), client, expected)
        return found

    def _drive(self, worker: _Worker, turns: Turns[_Job]) -> None:
        """The life of the thread of a process."""
        while (job := turns.take()) is not None:
            start = time.monotonic()
            # One that was tried as a cheap one is running already; one whose client has gone is passed over.
            wanted = job.found.running() or job.found.set_running_or_notify_cancel()
            ended = self._run(worker, job, dear=turns is self._dear) if wanted else True
            taken = time.monotonic() - start
            turns.correct(job.client, job.expected, taken)
            if turns is self._dear:
                self._allowance.give_back(job.client, job.expected, taken)
            elif not ended:
                # It looked cheap and is not: it gets its time where it holds up nobody.
                self._allowance.take(job.client, job.expected, always=True)
                self._dear.put(job, job.client, job.expected)

    def _run(self, worker: _Worker, job: _Job, *, dear: bool) -> bool:
        """Decode a photo; whether that ended, well or badly, in the time of its class."""
        seconds = self._seconds if dear else min(self._seconds, CHEAP_SECONDS)
        try:
            job.found.set_result(_result(worker, job.task, worker.ask(job.data, job.task, seconds)))
        except DecodeTimeoutError as error:
            if seconds < self._seconds:
                return False
            job.found.set_exception(error)
        except Exception as error:  # whatever it is, who waits must hear of it, and the thread go on
            job.found.set_exception(error)
        return True


def _result(worker: _Worker, task: dict[str, Any], frame: bytes) -> Any:
    if frame[:1] == _PIXELS:
        return worker.pixels(int(task["resize"]["size"]))
    if frame[:1] == _PICTURE:
        return frame[1:]
    reason, detail = json.loads(frame[1:])
    raise BadPhoto(reason, detail)


class _Worker:
    """One process and the pipe to it; a new process takes over when one is stopped or dies."""

    # A server process that stays small makes the children: neither the engine's threads nor the service's sockets and
    # memory are theirs.
    _context = multiprocessing.get_context("forkserver")
    _context.set_forkserver_preload(["goodsight.serve.decoders"])

    def __init__(self, most: int, *, yielding: bool = False) -> None:
        self._memory = SharedMemory(create=True, size=most)
        self._yielding = yielding
        self._start()

    def _start(self) -> None:
        self._pipe, other = self._context.Pipe()
        arguments = (other, self._memory.name, self._yielding)
        self._process = self._context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        other.close()

    def ask(self, data: bytes, task: dict[str, Any], seconds: float) -> bytes:
        """Give the process one photo and wait for its frame."""
        try:
            _buffer(self._memory)[: len(data)] = np.frombuffer(data, np.uint8)
            self._pipe.send_bytes(json.dumps(task).encode())
            if self._pipe.poll(seconds):
                return self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            self._renew()
            raise BadPhoto("unreadable", "its decoder crashed") from error
        self._renew()
        raise DecodeTimeoutError(f"decoding took more than {seconds:g} s")

    def pixels(self, size: int) -> Pixels:
        """A copy of the pixels that the process left behind."""
        return _buffer(self._memory)[: size * size * 3].reshape(size, size, 3).copy()

    def _renew(self) -> None:
        self._stop()
        self._start()

    def _stop(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """End the process and free the memory."""
        self._stop()
        self._memory.close()
        self._memory.unlink()


def _buffer(memory: SharedMemory) -> Pixels:
    return np.ndarray((memory.size,), np.uint8, memory.buf)


def _serve(pipe: Connection, memory: str, yielding: bool) -> None:
    """The life of a decoding process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if yielding:
        os.nice(_NICE)
        _one_thread()
    with suppress(ValueError, OSError):  # a smaller limit may be set already
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    shared = SharedMemory(memory)
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_decode(shared, json.loads(pipe.recv_bytes())))


def _one_thread() -> None:
    """Codecs that would take all processors for one photo take one."""
    import pillow_heif
    from PIL import AvifImagePlugin

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1


def _decode(shared: SharedMemory, task: dict[str, Any]) -> bytes:
    data, limits = _buffer(shared)[: task["bytes"]].tobytes(), Limits(*task["limits"])
    try:
        if "resize" in task:
            pixels = decoder.decode(data, Resize.from_json(task["resize"]), limits).ravel()
            _buffer(shared)[: pixels.size] = pixels
            return _PIXELS
        picture = decoder.open_rgb(data, limits, at_least=task["most"])
        picture.thumbnail((task["most"], task["most"]))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=85)
        return _PICTURE + out.getvalue()
    except BadPhoto as bad:
        return _BAD + json.dumps([bad.reason, bad.detail]).encode()
