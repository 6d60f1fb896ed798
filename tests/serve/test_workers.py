"""Several processes on one port: one session, one count of everything, and one that is killed is replaced."""

import json
import os
import re
import signal
import socket
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import fleet
import loopback
import pytest

from goodsight.errors import GoodsightError
from goodsight.flow.training import Training
from goodsight.serve import workers
from goodsight.serve.service import Settings
from goodsight.store import Store


def _children(pid: int) -> list[int]:
    """The processes of the service that another started; what looks after shared memory is none."""
    found = []
    for path in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{path}/cmdline").read_bytes()
        if b"spawn_main" in command and b"resource_tracker" not in command:
            found.append(int(path))
    return found


def _checks(port: int) -> int:
    """How many checks were answered, as the metrics have it."""
    status, text = fleet.ask(port, "GET", "/metrics")
    assert status == 200
    found = re.findall(
        r'^goodsight_requests_total\{.*route="/v1/check",status="200"\} (\d+)', text.decode(), re.MULTILINE
    )
    assert text.count(b"\ngoodsight_reviews_waiting ") == text.count(b"\ngoodsight_queue_photos ") == 1
    return sum(map(int, found))


def test_a_killed_process_is_replaced_and_nothing_that_was_answered_is_lost(
    trained: Training, sound: dict[str, list[Path]], tmp_path: Path
) -> None:
    requests = [loopback.check_request(path.read_bytes(), "bag") for path in sound["bag"][:8]]
    with loopback.service(trained.folder, tmp_path, "--workers", "2") as running:
        end = time.monotonic() + 60
        while len(workers_ := _children(running.process.pid)) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        made = loopback.load(running.port, requests, 1, connections=8, keep_bodies=True)
        assert set(made.statuses) == {200}
        answered = [json.loads(body)["id"] for body in made.bodies]
        # Whichever process is asked, on a connection of its own each time, it answers for both.
        assert {_checks(running.port) for _ in range(6)} == {len(answered)}
        os.kill(workers_[0], signal.SIGKILL)
        while set(_children(running.process.pid)) in ({*workers_}, {workers_[1]}) and time.monotonic() < end:
            with suppress(OSError):
                urllib.request.urlopen(f"{running.url}/v2/health/live", timeout=5).close()
            time.sleep(0.1)
        assert len(_children(running.process.pid)) == 2
        assert _checks(running.port) == len(answered)
        again = loopback.load(running.port, requests, 0.5, connections=4, keep_bodies=True)
        assert again.statuses[200] > 0
        answered += [json.loads(body)["id"] for body in again.bodies]
    assert running.process.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers_)
    store = Store.open("", tmp_path)
    assert all(store.answers(id) for id in answered)
    store.close()


class _Finishing:
    """A process that has still to answer something when it is told to end."""

    sentinel, exitcode = -1, None

    def __init__(self, port: int) -> None:
        self._port = port
        self.refused = False

    def terminate(self) -> None:
        pass

    def join(self, timeout: float | None = None) -> None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self._port), timeout=5).close()
        self.refused = True

    def kill(self) -> None:
        pass


def test_nobody_is_let_in_while_the_last_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = _Finishing(listener.getsockname()[1])
        crew = workers._Crew(Settings({}, tmp_path, workers=2), "127.0.0.1", listener, "")
        monkeypatch.setattr(crew, "_start", lambda: process)
        monkeypatch.setattr(signal, "signal", lambda *_: crew._stop())
        crew.run()
    assert process.refused


def test_what_no_process_could_do_is_said_at_once(trained: Training, tmp_path: Path) -> None:
    settings = Settings({"m": trained.folder}, tmp_path / "data", workers=2)
    with pytest.raises(GoodsightError, match="it needs `tokens`"):
        workers.serve(settings, "0.0.0.0", 0)
    with pytest.raises(GoodsightError, match="not a model folder"):
        workers.serve(Settings({"m": tmp_path}, tmp_path / "data", workers=2), "127.0.0.1", 0)
    assert not (tmp_path / "data").exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GoodsightError, match=f"`port` {port}: cannot listen there: Address already in use"):
            workers.serve(settings, "127.0.0.1", port)
