"""Photos seen before, as a client sees it: copies are named, blocked ones have a verdict, all is forgotten."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from served import served

from goodsight.flow.training import Training
from goodsight.photos.limits import DEFAULT_LIMITS
from goodsight.serve import blocklist
from goodsight.serve.memory import Memory
from goodsight.store import Store

Sound = dict[str, list[Path]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("seen")


@pytest.fixture(scope="module")
def client(trained: Training, data: Path) -> Iterator[TestClient]:
    with served(trained, data) as made:
        yield made


def _check(client: TestClient, photo: bytes, **fields: str) -> dict[str, Any]:
    answer = client.post("/v1/check", files={"image": photo}, data={"ad_category": "bag"} | fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _copy(path: Path) -> bytes:
    """Mirrored, smaller, and saved anew."""
    out = io.BytesIO()
    picture = Image.open(path).convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture.resize((picture.width * 9 // 10, picture.height * 9 // 10)).save(out, "JPEG", quality=70)
    return out.getvalue()


def test_a_check_names_the_earlier_ones_of_the_same_photo(client: TestClient, sound: Sound) -> None:
    bag, lamp = sound["bag"][0], sound["lamp"][0]
    first = _check(client, bag.read_bytes(), seller=" ann ", ad="17")
    assert first["seen"] == []
    assert _check(client, lamp.read_bytes())["seen"] == []
    again = _check(client, bag.read_bytes(), seller="bob")
    assert again["seen"] == [
        {"id": first["id"], "time": pytest.approx(time.time(), abs=60), "similarity": 1.0, "seller": "ann", "ad": "17"}
    ]
    copied = client.post("/v1/classify", files={"image": _copy(bag)}).json()["predictions"][0]
    assert [each["id"] for each in copied["seen"]] == [again["id"], first["id"]]
    assert 0.8 < copied["seen"][0]["similarity"] < 1


def test_a_search_gives_the_likest_and_keeps_nothing(client: TestClient, sound: Sound) -> None:
    mug = sound["mug"][0]
    checked = _check(client, mug.read_bytes())
    found = client.post("/v1/search", files={"image": _copy(mug)}).json()["photos"]
    assert found[0]["id"] == checked["id"]
    assert [each["similarity"] for each in found] == sorted((e["similarity"] for e in found), reverse=True)
    assert client.post("/v1/search", files={"image": _copy(mug)}).json()["photos"] == found


def test_copies_are_clusters_for_reviewers(client: TestClient, sound: Sound) -> None:
    shoe = sound["shoe"][0]
    first, copy = _check(client, shoe.read_bytes(), seller="ann"), _check(client, _copy(shoe), seller="bob")
    _check(client, sound["shoe"][1].read_bytes())
    cluster = client.get("/v1/clusters").json()["clusters"][0]
    assert [(p["id"], p["seller"]) for p in cluster] == [(copy["id"], "bob"), (first["id"], "ann")]
    assert cluster[0]["photo"] == f"/v1/photos/{copy['id']}"
    client.delete(f"/v1/checks/{copy['id']}")
    assert all(first["id"] != p["id"] for c in client.get("/v1/clusters").json()["clusters"] for p in c)


def test_what_is_deleted_is_not_seen_any_more(client: TestClient, data: Path, sound: Sound) -> None:
    bag = sound["bag"][1]
    first = _check(client, bag.read_bytes())
    other = Store.open("", data)  # as another process would
    memory = Memory(other.imprints)
    known = len(memory)
    assert client.delete(f"/v1/checks/{first['id']}").status_code == 204
    assert _check(client, _copy(bag))["seen"] == []
    kept = other.imprints.numbers().tolist()
    memory.refresh()
    (newest,) = other.imprints.take([max(kept)]).values()  # the copy, near the deleted photo
    assert [each.similarity for each in memory.recall(newest).seen] == [1.0]
    assert len(memory) == len(kept) == known
    other.close()


def test_what_another_process_keeps_is_seen(trained: Training, client: TestClient, data: Path, sound: Sound) -> None:
    mug = sound["mug"][1]
    with served(trained, data) as other:
        checked = _check(other, mug.read_bytes())
    client.app.state.service.memory.refresh()  # type: ignore[attr-defined]
    assert [each["id"] for each in _check(client, _copy(mug))["seen"]] == [checked["id"]]


def test_a_blocked_photo_has_a_verdict_of_its_own(client: TestClient, data: Path, sound: Sound) -> None:
    lamp, memory = sound["lamp"][1], client.app.state.service.memory  # type: ignore[attr-defined]
    other = Store.open("", data)  # as the command line does
    blocklist.block(other, lamp.read_bytes(), lamp.name, "stolen", DEFAULT_LIMITS)
    memory.refresh()
    answer = _check(client, _copy(lamp))
    assert (answer["verdict"], answer["reason"], answer["categories_matched"]) == ("blocked", "stolen", False)
    assert 'verdict="blocked"' in client.get("/metrics").text
    assert _check(client, sound["lamp"][2].read_bytes())["verdict"] != "blocked"
    (one,) = other.imprints.blocked()
    other.imprints.unblock(one.number)
    assert _check(client, _copy(lamp))["verdict"] != "blocked"
    other.close()


def test_it_can_be_switched_off(trained: Training, sound: Sound, tmp_path: Path) -> None:
    with served(trained, tmp_path, seen=False) as client:
        photo = sound["bag"][0].read_bytes()
        assert [_check(client, photo)["seen"] for _ in range(2)] == [[], []]
        answer = client.post("/v1/search", files={"image": photo})
        assert answer.status_code == 404
        assert "--no-seen" in answer.json()["detail"]
    store = Store.open("", tmp_path)
    assert store.imprints.numbers().tolist() == []
    store.close()
