"""The service as a process: killed under load it has every answer it gave; stopped, it answers what it accepted."""

import json
import signal
import threading
import time
from pathlib import Path

import loopback
import pytest

from goodsight import flow
from goodsight.store import Store

Sound = dict[str, list[Path]]


@pytest.fixture(scope="module")
def requests(sound: Sound) -> list[bytes]:
    return [loopback.check_request(path.read_bytes(), "bag") for kind in sound.values() for path in kind[:8]]


def test_killed_under_load_every_answer_is_in_the_store(
    trained: flow.Training, requests: list[bytes], tmp_path: Path
) -> None:
    answered: list[str] = []
    for _ in range(2):
        with loopback.service(trained.folder, tmp_path) as running:
            killer = threading.Timer(1.5, running.process.kill)
            killer.start()
            made = loopback.load(running.port, requests, 2, connections=16, keep_bodies=True)
            killer.join()
            answered += [json.loads(body)["id"] for body in made.bodies]
            assert running.process.wait(10) == -signal.SIGKILL
    store = Store.open("", tmp_path)
    assert len(answered) > 20
    for id in answered:
        checked = store.check(id)
        assert checked is not None
        assert store.photo(checked.sha256) is not None
    store.close()


def test_stopped_it_answers_what_it_accepted(trained: flow.Training, requests: list[bytes], tmp_path: Path) -> None:
    with loopback.service(trained.folder, tmp_path) as running:
        found: list[loopback.Load] = []
        thread = threading.Thread(
            target=lambda: found.append(loopback.load(running.port, requests[:24], 0.01, rate=2400, keep_bodies=True))
        )
        thread.start()
        time.sleep(0.1)
        running.process.terminate()
        thread.join(60)
        assert running.process.wait(60) in (0, -signal.SIGTERM)
    (made,) = found
    accepted = made.statuses[200]
    assert accepted > 0
    assert set(made.statuses) <= {200, 503, 0}
    store = Store.open("", tmp_path)
    assert all(store.check(json.loads(body)["id"]) for body in made.bodies)
    store.close()
