"""Hostile bytes are decoded in processes that can be killed: one photo at a time, with a time and a memory limit.

A codec that hangs or crashes costs one process, never the service. Bytes and pixels go through memory that the two
share, and nothing is unpickled: even a process that a photo took over can only give a wrong picture.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import resource
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from queue import SimpleQueue
from typing import Any

import numpy as np

from goodsight.arrays import Pixels
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits, check_bytes
from goodsight.photos.resize import Resize

_MEMORY = 3 * 2**30
_LARGEST = 1408
"""The largest side, in pixels, that a network is given."""
_PIXELS, _BAD, _PICTURE = b"\0", b"\1", b"\2"


class DecodeTimeoutError(Exception):
    """The photo took too long to decode, and its process was stopped."""


class Decoders:
    """A few decoding processes, each driven by a thread of its own.

    Args:
        count: how many processes.
        limits: on bytes and pixels of a photo.
        seconds: how long one photo may take.

    """

    def __init__(self, count: int, limits: Limits, seconds: float) -> None:
        self._limits, self._seconds = limits, seconds
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._workers = [_Worker(max(limits.max_bytes, _LARGEST**2 * 3)) for _ in range(count)]
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="goodsight-decode")

    def pixels(self, data: bytes, resize: Resize) -> Future[Pixels]:
        """Decode bytes to uint8 RGB (size, size, 3).

        The future raises BadPhoto, or DecodeTimeoutError.
        """
        return self._threads.submit(self._run, data, {"resize": resize.to_json()})

    def picture(self, data: bytes, most: int) -> Future[bytes]:
        """A JPEG of at most ``most`` pixels a side, made anew: what a browser may be shown.

        The future raises BadPhoto, or DecodeTimeoutError.
        """
        return self._threads.submit(self._run, data, {"most": most})

    def close(self) -> None:
        """Finish what was submitted and end the processes."""
        self._threads.shutdown()
        for worker in self._workers:
            worker.close()

    def _run(self, data: bytes, task: dict[str, Any]) -> Any:
        check_bytes(len(data), self._limits)
        worker = self._idle.get()
        try:
            task |= {"bytes": len(data), "limits": [self._limits.max_bytes, self._limits.max_pixels]}
            frame = worker.ask(data, task, self._seconds)
            if frame[:1] == _PIXELS:
                size = int(task["resize"]["size"])
                return worker.pixels(size)
        finally:
            self._idle.put(worker)
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

    def __init__(self, most: int) -> None:
        self._memory = SharedMemory(create=True, size=most)
        self._start()

    def _start(self) -> None:
        self._pipe, other = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(other, self._memory.name), daemon=True)
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


def _serve(pipe: Connection, memory: str) -> None:
    """The life of a decoding process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(ValueError, OSError):  # a smaller limit may be set already
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    shared = SharedMemory(memory)
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_decode(shared, json.loads(pipe.recv_bytes())))


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
