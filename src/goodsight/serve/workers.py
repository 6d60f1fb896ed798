"""Several processes of the service on one machine, which share one port, one database and one folder of photos."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from multiprocessing import connection
from multiprocessing.context import SpawnProcess

from goodsight.errors import GoodsightError
from goodsight.model import folder as model_folder
from goodsight.serve import app
from goodsight.serve.service import Settings
from goodsight.store import Store

logger = logging.getLogger("goodsight.serve")
_context = multiprocessing.get_context("spawn")  # a fork would take threads and locks of the engine with it
_REFUSED = 3
"""The exit status of a process that could not start; the same would happen to the next."""
_PAUSE, _LOOK = 1.0, 0.2
_BACKLOG = 1024


def serve(settings: Settings, host: str, port: int) -> None:
    """Run as many processes of the service as the settings say, until told to stop; one that dies is replaced.

    Raises:
        GoodsightError: it would be reachable from other machines without tokens, nothing can listen there, or a
            process does not start, which says why itself.
        StoreError: the store cannot be opened.

    """
    if settings.workers == 1:
        app.serve(settings, host, port)
        return
    app.require_tokens(settings, host)
    # Once, before any process does it: an error is told once, and the tables are there. Models first, so that one that
    # is refused leaves no database behind.
    for folder in settings.models.values():
        model_folder.read(folder)
    Store.open(settings.store, settings.data, settings.kept).close()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logger.setLevel(logging.INFO)
    with _listening(host, port) as listener, tempfile.TemporaryDirectory(prefix="goodsight-metrics-") as counters:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counters  # read by the processes, when they load prometheus_client
        address = listener.getsockname()
        logger.info("%d processes listen on %s port %d", settings.workers, address[0], address[1])
        _Crew(settings, host, listener, counters).run()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise GoodsightError(f"`host` {host}, `port` {port}: cannot listen there: {error.strerror}") from error


class _Crew:
    """The processes, from their start to their end."""

    def __init__(self, settings: Settings, host: str, listener: socket.socket, counters: str) -> None:
        self._settings, self._host, self._listener, self._counters = settings, host, listener, counters
        self._stopped = False

    def run(self) -> None:
        """Start the processes, and replace those that die, until a signal says stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        first = [self._start() for _ in range(self._settings.workers)]
        crew = list(first)
        try:
            while not self._stopped:
                connection.wait([process.sentinel for process in crew], _LOOK)
                for place, process in enumerate(crew):
                    if process.exitcode is not None and not self._stopped:
                        crew[place] = self._replaced(process, process in first)
        finally:
            self._listener.close()  # else the system takes connections in that nobody answers any more
            for process in crew:
                process.terminate()
            end = time.monotonic() + app.STOP_SECONDS + 5
            for process in crew:
                process.join(max(0.0, end - time.monotonic()))
                process.kill()
                process.join()

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def _start(self) -> SpawnProcess:
        process = _context.Process(target=_work, args=(self._settings, self._host, self._listener))
        process.start()
        return process

    def _replaced(self, dead: SpawnProcess, first: bool) -> SpawnProcess:
        """Another process for one that died.

        Raises:
            GoodsightError: it was one of the first and never served.

        """
        from prometheus_client.multiprocess import mark_process_dead

        if first and dead.exitcode == _REFUSED:
            raise GoodsightError("`workers`: a process of the service did not start; it says above why")
        logger.error("process %d of the service ended with %d; another one takes over", dead.pid, dead.exitcode)
        mark_process_dead(dead.pid, self._counters)  # type: ignore[no-untyped-call]
        time.sleep(_PAUSE)
        return self._start()


def _work(settings: Settings, host: str, listener: socket.socket) -> None:
    """The life of one process."""
    threading.Thread(target=_follow, name="goodsight-parent", daemon=True).start()
    try:
        app.serve(settings, host, 0, listener)
    except GoodsightError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_REFUSED)


def _follow() -> None:
    """Stop when the process that would replace this one is gone: nobody could stop it by its port any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
