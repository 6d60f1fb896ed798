"""The API as a client sees it: answers, problems, the queue, tokens; and what it keeps."""

import base64
import errno
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import drawn
import httpx2 as httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from served import served
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

import goodsight
from goodsight import Wishes
from goodsight.errors import ConflictError
from goodsight.flow.training import Training
from goodsight.model import evidence
from goodsight.model.record import LoadedModel
from goodsight.photos.limits import Limits
from goodsight.serve.access import Token, new_token, read_tokens
from goodsight.serve.app import create_app
from goodsight.serve.service import Settings
from goodsight.store import Store
from goodsight.store.tables import checks

Sound = dict[str, list[Path]]
Open = Callable[..., "TestClient"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def client(trained: Training, data: Path) -> Iterator[TestClient]:
    with served(trained, data) as made:
        yield made


def _check(client: TestClient, photo: bytes, declared: str = "bag", **headers: str) -> "httpx.Response":
    files = {"image": ("../../evil\u202e.jpg", photo, "image/jpeg")}
    return client.post("/v1/check", files=files, data={"ad_category": declared}, headers=headers)


def _png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(out, "PNG")
    return out.getvalue()


def _problem(response: "httpx.Response", status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["status"] == status
    return str(body["detail"])


def test_a_check_answers_as_the_command_line(client: TestClient, loaded: LoadedModel, sound: Sound) -> None:
    for kind in ("bag", "mug"):
        photo = sound[kind][3]
        answer = _check(client, photo.read_bytes(), "bag").json()
        expected = goodsight.check(loaded, photo, "bag")
        assert answer["verdict"] == expected.verdict
        assert answer["class"] == expected.label
        assert answer["categories_matched"] == (expected.verdict == "match")
        assert answer["probability"] == pytest.approx(expected.probability, abs=0.05)
        assert answer["p_value"] == pytest.approx(expected.p_value, abs=0.05)
        assert answer["model"] == "drawn"
        assert set(answer["probabilities"]) == set(loaded.model.judges[0].classes)
        assert sum(answer["probabilities"].values()) == pytest.approx(1)


def test_a_wrong_declaration_is_a_mismatch(client: TestClient, sound: Sound) -> None:
    answers = [_check(client, path.read_bytes(), "mug").json() for path in sound["bag"][:8]]
    assert sum(a["verdict"] == "mismatch" and a["class"] == "bag" for a in answers) >= 5
    assert not any(a["categories_matched"] for a in answers)


def test_the_answer_and_its_photo_are_kept_under_the_content_hash(client: TestClient, data: Path, sound: Sound) -> None:
    photo = sound["lamp"][2].read_bytes()
    answer = _check(client, photo, "lamp").json()
    kept = client.app.state.service.store.check(answer["id"])  # type: ignore[attr-defined]
    assert (kept.declared, kept.label, kept.verdict) == ("lamp", answer["class"], answer["verdict"])
    assert (data / "photos" / kept.sha256[:2] / kept.sha256).read_bytes() == photo
    assert not [path for path in data.rglob("*") if "evil" in path.name]


def test_whose_photo_it_is_is_kept_with_every_kind_of_answer(client: TestClient, sound: Sound) -> None:
    photo = sound["lamp"][4].read_bytes()
    data = {"seller": " Ünï & søn\u00a0"}
    answer = client.post("/v1/check", files={"image": photo}, data=data | {"ad_category": "lamp"}).json()
    found = client.post("/v1/classify", files={"image": photo}, data=data).json()["predictions"]
    text = base64.b64encode(photo).decode()
    body = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [text]}], "parameters": data}
    assert client.post("/v2/models/drawn/infer", json=body).status_code == 200
    store = client.app.state.service.store  # type: ignore[attr-defined]
    kept = [store.check(id).seller for id in (answer["id"], found[0]["id"], _last(store))]
    assert kept == ["Ünï & søn"] * 3
    assert store.check(_check(client, photo, "lamp").json()["id"]).seller == ""
    said = client.get("/openapi.json").json()["paths"]["/v1/check"]["post"]["requestBody"]["content"]
    form = said["multipart/form-data"]["schema"]
    assert "seller" in form["properties"]
    assert form["required"] == ["image"]
    assert form["properties"]["declared"]["type"] == "array"


def _last(store: Store) -> str:
    with store._engine.connect() as connection:
        return str(connection.execute(select(checks.c.id).order_by(checks.c.time.desc()).limit(1)).scalar_one())


@pytest.mark.parametrize(
    ("seller", "said"), [("x" * 201, "201 characters; at most 200"), ("a\0b", r"has '\x00' in it")]
)
def test_what_is_no_seller_is_a_problem_and_nothing_is_kept(client: TestClient, seller: str, said: str) -> None:
    photo, store = _png((7, 7, 7)), client.app.state.service.store  # type: ignore[attr-defined]
    before = _last(store)
    form = {"ad_category": "bag", "seller": seller}
    for path in ("/v1/check", "/v1/classify"):
        problem = _problem(client.post(path, files={"image": photo}, data=form), 422)
        assert problem.startswith("seller '")
        assert said in problem
    text = base64.b64encode(photo).decode()
    body = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [text]}]}
    answer = client.post("/v2/models/drawn/infer", json=body | {"parameters": {"seller": seller}})
    problem = _problem(answer, 422)
    assert problem.startswith("parameters.seller '")
    assert said in problem
    assert _last(store) == before


@pytest.mark.parametrize(
    ("photo", "status", "said"),
    [
        (b"", 422, "empty"),
        (b"no picture at all", 415, "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not a picture"),
        (_png((1, 2, 3))[:60], 422, "truncated"),
    ],
)
def test_a_photo_that_cannot_be_used_is_a_problem(client: TestClient, photo: bytes, status: int, said: str) -> None:
    assert said in _problem(_check(client, photo), status)


def test_limits_of_bytes_and_pixels(trained: Training, tmp_path: Path) -> None:
    with served(trained, tmp_path, limits=Limits(max_bytes=50_000, max_pixels=1000)) as small:
        assert "megapixels" in _problem(_check(small, _png((1, 2, 3))), 413)
        assert "MiB" in _problem(_check(small, bytes(60_000)), 413)
        assert "MiB" in _problem(_check(small, bytes(2_000_000)), 413)


def test_requests_that_make_no_sense_are_problems(client: TestClient) -> None:
    photo = _png((9, 9, 9))
    assert "ad_category" in _problem(client.post("/v1/check", files={"image": photo}), 422)
    assert "classes of drawn are bag, lamp, mug, shoe" in _problem(_check(client, photo, "hat"), 422)
    assert "image: missing" in _problem(client.post("/v1/check", files={"other": photo}), 422)
    assert "must be a file" in _problem(client.post("/v1/check", files={"x": b""}, data={"image": "text"}), 422)
    assert "multipart" in _problem(client.post("/v1/check", content=photo), 415)
    broken = {"content-type": "multipart/form-data"}
    _problem(client.post("/v1/check", content=b"--x", headers=broken), 400)
    files = [("image", photo), ("image", photo)]
    _problem(client.post("/v1/check", files=files, data={"ad_category": "bag"}), 400)
    form = {"ad_category": "bag", "model": "other"}
    assert "models are drawn" in _problem(client.post("/v1/check", files={"image": photo}, data=form), 404)
    _problem(client.get("/nowhere"), 404)
    _problem(client.put("/v1/check"), 405)


def test_a_check_says_where_the_answer_comes_from(
    client: TestClient, loaded: LoadedModel, sound: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    with Image.open(sound["bag"][3]) as picture:
        # Stored on its side, as phones do: the map is of the upright photo.
        wide = Image.new("RGB", (2 * picture.width, picture.height), "white")
        wide.paste(picture, (picture.width, 0))
        exif = Image.Exif()
        exif[0x0112] = 6
        wide.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", exif=exif)
    photo, asked = {"image": out.getvalue()}, {"ad_category": "bag", "explain": "true"}
    body = client.post("/v1/check", files=photo, data=asked).json()
    found = np.array(body["evidence"])
    assert found.shape == (14, 28)
    assert (found.min(), found.max()) == (0, 1)
    assert found[:, 14:].sum() > 2 * found[:, :14].sum()
    for explain in ({}, {"explain": "false"}):
        plain = client.post("/v1/check", files=photo, data={"ad_category": "bag"} | explain).json()
        assert plain["evidence"] is None
        assert plain["probabilities"] == pytest.approx(body["probabilities"], abs=0.02)
    said = _problem(client.post("/v1/check", files=photo, data=asked | {"explain": "1"}), 422)
    assert "explain '1': must be true or false" in said
    monkeypatch.setattr(evidence, "gives", lambda _: False)
    assert client.post("/v1/check", files=photo, data=asked).json()["evidence"] is None


def test_classify_answers_each_photo_alone(client: TestClient, sound: Sound) -> None:
    good = sound["shoe"][0].read_bytes()
    files = [("image", ("a", good)), ("image", ("b", b"junk")), ("image", ("c", sound["mug"][0].read_bytes()))]
    body = client.post("/v1/classify", files=files).json()
    first, bad, last = body["predictions"]
    assert (first["class"], last["class"]) == ("shoe", "mug")
    assert (first["problem"], bad["class"], bad["problem"]["status"]) == (None, "", 415)


def test_an_appeal_brings_a_photo_to_a_person_who_decides(client: TestClient, sound: Sound) -> None:
    answer = _check(client, sound["bag"][5].read_bytes(), "mug").json()
    made = client.post("/v1/appeals", json={"id": answer["id"], "note": "it is a mug, look again"})
    assert made.status_code == 201
    assert "already" in _problem(client.post("/v1/appeals", json={"id": answer["id"], "note": ""}), 409)
    _problem(client.post("/v1/appeals", json={"id": "f" * 32}), 404)
    body = client.post("/v1/reviews/next").json()
    review = body["review"]
    assert (review["id"], review["contested"], review["note"]) == (answer["id"], True, "it is a mug, look again")
    assert review["classes"] == ["bag", "lamp", "mug", "shoe"]
    picture = client.get(review["photo"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(picture.content)).format == "JPEG"
    assert "not a class" in _problem(client.post(f"/v1/reviews/{review['id']}", json={"decision": "hat"}), 422)
    done = client.post(f"/v1/reviews/{review['id']}", json={"decision": "bag"}).json()
    assert done["queue"]["decided"] == 1
    assert done["queue"]["agreement_with_model"] == 1.0
    again = client.post("/v1/reviews/undo").json()
    assert again["review"]["id"] == answer["id"]
    assert again["queue"]["decided"] == 0
    assert client.post(f"/v1/reviews/{answer['id']}/skip").status_code == 204
    _problem(client.post(f"/v1/reviews/{answer['id']}", json={"decision": "bag"}), 409)


def test_none_of_these_goes_to_the_class_that_means_it(
    client: TestClient, sound: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    (served,) = client.app.state.service.models.all()  # type: ignore[attr-defined]
    loaded = served.pipeline.loaded
    judges = (replace(loaded.model.judges[0], none="shoe"),)
    monkeypatch.setattr(served.pipeline, "loaded", replace(loaded, model=replace(loaded.model, judges=judges)))
    answer = _check(client, sound["bag"][6].read_bytes(), "mug").json()
    client.post("/v1/appeals", json={"id": answer["id"]})
    review = client.post("/v1/reviews/next").json()["review"]
    assert (review["id"], review["classes"]) == (answer["id"], ["bag", "lamp", "mug"])
    assert 'value="shoe"' not in client.get("/").text
    done = client.post(f"/v1/reviews/{answer['id']}", json={"decision": ""}).json()
    assert done["decision"] == "shoe"
    store = client.app.state.service.store  # type: ignore[attr-defined]
    assert [d.decision for d in store.queue.decisions() if d.checked.id == answer["id"]] == ["shoe"]


def test_what_a_model_said_that_is_not_served_any_more_can_be_decided(client: TestClient, sound: Sound) -> None:
    store = client.app.state.service.store  # type: ignore[attr-defined]
    answer = _check(client, sound["bag"][7].read_bytes(), "mug").json()
    # As models of several attributes were served before, one for each.
    old = replace(store.check(answer["id"]), id="0" * 32, model="shop.colour", probabilities={"black": 0.6, "red": 0.4})
    store.add_checks([old])
    client.post("/v1/appeals", json={"id": old.id})
    review = client.post("/v1/reviews/next").json()["review"]
    assert (review["id"], review["classes"], review["attribute"]) == (old.id, ["black", "red"], "")
    assert "not a class" in _problem(client.post(f"/v1/reviews/{old.id}", json={"decision": "mug"}), 422)
    assert client.post(f"/v1/reviews/{old.id}", json={"decision": "red"}).status_code == 200


def test_a_conflict_and_a_lost_store_are_problems(
    trained: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConflictError("bob has it now")

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    with served(trained, tmp_path) as client:
        queue = client.app.state.service.store.queue  # type: ignore[attr-defined]
        monkeypatch.setattr(queue, "undo", refuse)
        assert _problem(client.post("/v1/reviews/undo"), 409) == "bob has it now"
        monkeypatch.setattr(queue, "claim", fail)
        assert "store does not answer" in _problem(client.post("/v1/reviews/next"), 503)
        monkeypatch.setattr(client.app.state.service.store, "add_checks", fail)  # type: ignore[attr-defined]
        assert "store does not answer" in _problem(_check(client, _png((7, 7, 7))), 503)


def test_a_full_disk_is_told_and_recovered_from(
    client: TestClient, sound: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    photo = sound["bag"][9].read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(client.app.state.service.store, "keep_photos", full)  # type: ignore[attr-defined]
        response = _check(client, photo)
        assert _problem(response, 507) == "the disk is full; nothing was kept, ask again later"
        assert response.headers["retry-after"] == "30"
    assert _check(client, photo).status_code == 200


def test_deletion_really_deletes(client: TestClient, data: Path, sound: Sound) -> None:
    photo = sound["mug"][7].read_bytes()
    first, second = (_check(client, photo, declared).json()["id"] for declared in ("mug", "bag"))
    sha256 = client.app.state.service.store.check(first).sha256  # type: ignore[attr-defined]
    assert client.delete(f"/v1/checks/{first}").status_code == 204
    assert not (data / "photos" / sha256[:2] / sha256).exists()
    for id in (first, second):
        _problem(client.get(f"/v1/photos/{id}"), 404)
        _problem(client.delete(f"/v1/checks/{id}"), 404)


def test_models_and_the_inference_protocol(client: TestClient, sound: Sound) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["name"], model["classes"], model["refused"]) == ("drawn", ["bag", "lamp", "mug", "shoe"], None)
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/drawn").json()["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert client.get("/v2/models/drawn/ready").status_code == 200
    _problem(client.get("/v2/models/none"), 404)
    photos = [base64.b64encode(sound[kind][1].read_bytes()).decode() for kind in ("bag", "mug")]
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2], "data": photos}
    answer = client.post("/v2/models/drawn/infer", json={"id": "7", "inputs": [tensor]}).json()
    outputs = {output["name"]: output for output in answer["outputs"]}
    wrapped = base64.encodebytes(sound["bag"][1].read_bytes()).decode()
    written = tensor | {"data": [wrapped, "data:image/jpeg;base64," + photos[1]]}
    again = client.post("/v2/models/drawn/infer", json={"inputs": [written]}).json()["outputs"]
    for one, other in zip(again, answer["outputs"], strict=True):
        # The photos may be answered in one batch or in two, and matrix products of other shapes round otherwise.
        exact = one["datatype"] != "FP32"
        assert one["data"] == (other["data"] if exact else pytest.approx(other["data"], abs=1e-5))
        assert {**one, "data": ()} == {**other, "data": ()}
    assert (answer["id"], outputs["label"]["data"]) == ("7", ["bag", "mug"])
    assert outputs["probabilities"]["shape"] == [2, 4]
    assert len(outputs["probabilities"]["data"]) == 8
    _problem(client.post("/v2/models/drawn/infer", json={"inputs": [tensor | {"shape": [3]}]}), 422)
    _problem(client.post("/v2/models/drawn/infer", json={"inputs": [tensor | {"data": ["%", "%"]}]}), 422)
    junk = tensor | {"shape": [1], "data": [base64.b64encode(b"junk").decode()]}
    _problem(client.post("/v2/models/drawn/infer", json={"inputs": [junk]}), 415)


def test_metrics_count_what_happened(client: TestClient, sound: Sound) -> None:
    _check(client, sound["bag"][0].read_bytes())
    text = client.get("/metrics").text
    for name in ("goodsight_requests_total", "goodsight_request_seconds_bucket", "goodsight_batch_photos_bucket"):
        assert name in text
    assert 'goodsight_verdicts_total{model="drawn"' in text
    assert "goodsight_queue_photos 0.0" in text
    assert "goodsight_drift" in text


def test_every_answer_has_safe_headers(client: TestClient) -> None:
    for path in ("/v1/models", "/nowhere", "/openapi.json"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_the_openapi_document_names_every_problem(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    responses = document["paths"]["/v1/check"]["post"]["responses"]
    assert {"200", "400", "401", "403", "404", "413", "415", "422", "429", "503"} <= set(responses)
    assert "application/problem+json" in responses["503"]["content"]


def test_the_api_page_names_every_operation(client: TestClient) -> None:
    document, page = client.get("/openapi.json").json(), client.get("/api").text
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"<code>{method.upper()} {path}</code>" in page


def test_another_host_or_site_is_refused(trained: Training, tmp_path: Path) -> None:
    with served(trained, tmp_path, hosts=("127.0.0.1", "localhost")) as local:
        _problem(local.get("/v1/models", headers={"host": "evil.example"}), 400)
        assert local.get("/v1/models", headers={"host": "localhost:8000"}).status_code == 200
        _problem(local.post("/v1/reviews/next", headers={"origin": "http://evil.example"}), 403)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], tuple[Token, ...]]:
    made = {name: new_token(name, role) for name, role in (("shop", "check"), ("ann", "review"), ("root", "admin"))}
    path = tmp_path_factory.mktemp("tokens") / "tokens.toml"
    path.write_text("\n".join(lines for _, lines in made.values()))
    return {name: token for name, (token, _) in made.items()}, read_tokens(path)


def test_roles(trained: Training, tmp_path: Path, tokens: tuple[dict[str, str], tuple[Token, ...]]) -> None:
    bearer = {name: {"authorization": f"Bearer {token}"} for name, token in tokens[0].items()}
    with served(trained, tmp_path, tokens=tokens[1]) as closed:
        assert "send a token" in _problem(closed.get("/v1/models"), 401)
        assert closed.get("/v2/health/live").status_code == 200
        assert closed.get("/v1/models", headers=bearer["shop"]).status_code == 200
        assert "role review" in _problem(closed.post("/v1/reviews/next", headers=bearer["shop"]), 403)
        assert closed.post("/v1/reviews/next", headers=bearer["ann"]).status_code == 200
        _problem(closed.get("/metrics", headers=bearer["ann"]), 403)
        assert closed.get("/metrics", headers=bearer["root"]).status_code == 200
        mine = _check(closed, _png((5, 5, 5)), **bearer["shop"]).json()["id"]
        theirs = _check(closed, _png((5, 5, 6)), **bearer["root"]).json()["id"]
        assert closed.post("/v1/appeals", json={"id": mine}, headers=bearer["shop"]).status_code == 201
        _problem(closed.post("/v1/appeals", json={"id": theirs}, headers=bearer["shop"]), 404)


def test_a_full_service_refuses_early(trained: Training, tmp_path: Path) -> None:
    with served(trained, tmp_path, most_photos=1) as full:
        full.app.state.service.in_work = 1  # type: ignore[attr-defined]
        response = _check(full, _png((1, 1, 1)))
        assert "in work already" in _problem(response, 503)
        assert response.headers["retry-after"] == "1"
        _problem(full.get("/v2/health/ready"), 503)
        full.app.state.service.in_work = 0  # type: ignore[attr-defined]
        assert _check(full, _png((1, 1, 1))).status_code == 200


def test_a_new_model_is_swapped_in_and_a_damaged_one_is_not(
    trained: Training, sound: Sound, tmp_path: Path, lay: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr("goodsight.serve.models.LOOK", 0.1)
    folder = tmp_path / "model"
    shutil.copytree(trained.folder, folder)
    photos = lay(tmp_path / "photos", {kind: sound[kind][:12] for kind in ("bag", "mug")})
    other = goodsight.train(photos, tmp_path / "other", wishes=Wishes(budget=0)).folder
    settings = Settings({"m": folder}, tmp_path / "data")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as running:

        def state() -> dict[str, object]:
            found: dict[str, object] = running.get("/v1/models").json()["models"][0]
            return found

        first = state()["model_id"]
        (folder / "model.json").write_text((folder / "model.json").read_text() + " ")
        _until(lambda: state()["refused"] is not None)
        assert "edited or damaged" in str(state()["refused"])
        assert state()["model_id"] == first
        assert _check(running, sound["bag"][0].read_bytes()).status_code == 200
        folder.rename(tmp_path / "old")
        other.rename(folder)
        _until(lambda: state()["model_id"] != first)
        assert (state()["classes"], state()["refused"]) == (["bag", "mug"], None)
        assert _check(running, sound["bag"][0].read_bytes()).json()["class"] == "bag"


def _until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_off_topic_photo_says_what_it_looks_like(client: TestClient) -> None:
    rng = np.random.default_rng(3)
    answers = []
    for _ in range(6):
        out = io.BytesIO()
        drawn.draw_off_topic(rng).save(out, "JPEG")
        answers.append(_check(client, out.getvalue()).json())
    off = [a for a in answers if a["verdict"] == "off-topic"]
    assert off
    assert all(a["reason"].startswith("looks like") for a in off)
    assert json.dumps(answers)
