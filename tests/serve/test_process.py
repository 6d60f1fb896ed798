"""The service as a process: killed, stopped, given a new model under load; no answer is lost, none is refused."""

import json
import shutil
import signal
import threading
import time
from pathlib import Path

import loopback
import pytest

import goodsight
from goodsight import Wishes
from goodsight.files import exchange
from goodsight.flow.training import Training
from goodsight.store import Store

Sound = dict[str, list[Path]]


@pytest.fixture(scope="module")
def requests(sound: Sound) -> list[bytes]:
    return [loopback.check_request(path.read_bytes(), "bag") for kind in sound.values() for path in kind[:8]]


def test_killed_under_load_every_answer_is_in_the_store(
    trained: Training, requests: list[bytes], url: str, tmp_path: Path
) -> None:
    answered: list[str] = []
    for _ in range(2):
        with loopback.service(trained.folder, tmp_path, "--store", url) as running:
            killer = threading.Timer(1.5, running.process.kill)
            killer.start()
            made = loopback.load(running.port, requests, 2, connections=16, keep_bodies=True)
            killer.join()
            answered += [json.loads(body)["id"] for body in made.bodies]
            assert running.process.wait(10) == -signal.SIGKILL
    store = Store.open(url, tmp_path)
    assert len(answered) > 20
    for id in answered:
        checked = store.check(id)
        assert checked is not None
        assert store.photo(checked.sha256) is not None
    store.close()


def test_stopped_it_answers_what_it_accepted(trained: Training, requests: list[bytes], tmp_path: Path) -> None:
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


def test_a_new_model_takes_over_under_load_without_a_lost_request(
    trained: Training, requests: list[bytes], sound: Sound, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    for kind in ("bag", "mug"):
        (photos / kind).mkdir(parents=True)
        for path in sound[kind][:12]:
            shutil.copyfile(path, photos / kind / path.name)
    other = goodsight.train(photos, tmp_path / "other", wishes=Wishes(budget=0)).folder
    in_use = Path(shutil.copytree(trained.folder, tmp_path / "model"))
    with loopback.service(in_use, tmp_path / "data") as running:
        changer = threading.Timer(0.5, lambda: exchange(other, in_use))
        changer.start()
        statuses: set[int] = set()
        models: list[str] = []
        # On a busy machine the new model takes longer to load.
        while len(models) < 30_000 and len(set(models)) < 2:
            made = loopback.load(running.port, requests, 4, connections=8, keep_bodies=True)
            statuses |= set(made.statuses)
            models += [json.loads(body)["model_id"] for body in made.bodies]
        changer.join()
    assert statuses == {200}
    assert len(set(models)) == 2
    assert models[0] != models[-1]
