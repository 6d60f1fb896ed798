"""A service with policies: they decide, the answer says which, and the queue has what a person is to see."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from goodsight.errors import GoodsightError
from goodsight.flow.training import Training
from goodsight.model.policy import Policies, Policy
from goodsight.serve.app import create_app
from goodsight.serve.service import Settings
from goodsight.store import Store

Sound = dict[str, list[Path]]
POLICIES = Policies(
    Path("p.toml"),
    (
        # No photo of these is alike enough for an alpha of nearly all, so each wrong declaration is a mismatch.
        Policy("bags", "drawn", category="bag", alpha=0.9),
        Policy("mugs", "drawn", category="mug", off_topic="refuse", unsure="refuse"),
        Policy("shoes", "drawn", category="shoe", off_topic="accept", unsure="accept"),
    ),
)


@pytest.fixture(scope="module")
def client(trained: Training, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings({"drawn": trained.folder}, tmp_path_factory.mktemp("service"), policies=POLICIES, seen=False)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as made:
        # Nothing is sure and everything off-topic, whatever this machine's floats are.
        yield made


def _store(client: TestClient) -> Store:
    found: Store = client.app.state.service.store  # type: ignore[attr-defined]
    return found


def _doubtful(client: TestClient, *, off_topic: bool) -> None:
    """The model is sure of nothing from now on, or takes every photo for off-topic."""
    (served,) = client.app.state.service.models.all()  # type: ignore[attr-defined]
    pipeline, rules = served.pipeline, served.version.rules
    (judge,) = served.model.judges
    model = replace(served.model, judges=(replace(judge, threshold=2.0),), off_topic_alpha=1.0 if off_topic else -1.0)
    pipeline.loaded = replace(pipeline.loaded, model=model)
    own = {key: replace(rule, judge=model.judges[0], model=model) for key, rule in rules.rules.items()}
    served.version.rules = replace(rules, model=model, rules=own)


def test_the_answer_says_which_policy_decided_and_what_is_done(client: TestClient, sound: Sound) -> None:
    photo = sound["bag"][5].read_bytes()
    for off_topic in (False, True):
        _doubtful(client, off_topic=off_topic)
        verdict = "off-topic" if off_topic else "unsure"
        before = _store(client).queue.waiting()
        for declared, policy, action in (
            ("lamp", "", "review"),
            ("mug", "mugs", "refuse"),
            ("shoe", "shoes", "accept"),
        ):
            # With an alpha of 0.05 a bag may well be a mismatch; that is not what this is about.
            files, data = {"image": photo}, {"ad_category": declared}
            answer = client.post("/v1/check", files=files, data=data).json()
            if answer["verdict"] == "mismatch":
                assert (answer["policy"], answer["action"]) == (policy, "refuse")
                continue
            assert (answer["verdict"], answer["policy"], answer["action"]) == (verdict, policy, action)
            kept = _store(client).check(answer["id"])
            assert kept is not None
            assert (kept.policy, kept.action, kept.wants_person) == (policy, action, action == "review")
            assert _store(client).queue.waiting() == before + (action == "review")
            before = _store(client).queue.waiting()
    found = client.post("/v1/classify", files={"image": photo}).json()["predictions"][0]
    assert (found["class"], found["policy"], found["action"]) == ("bag", "bags", "review")
    image = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(photo).decode()]}
    outputs = client.post("/v2/models/drawn/infer", json={"inputs": [image]}).json()["outputs"]
    said = {one["name"]: one["data"] for one in outputs}
    assert (said["label"], said["policy"], said["action"]) == (["bag"], ["bags"], ["review"])


def test_a_policy_that_fits_no_model_stops_the_start(trained: Training, tmp_path: Path) -> None:
    def start(policy: Policy) -> None:
        create_app(Settings({"drawn": trained.folder}, tmp_path / "data", policies=Policies(Path("p.toml"), (policy,))))

    with pytest.raises(GoodsightError, match=r"p\.toml: \[policies\.x\]: model 'drwan' is none of drawn"):
        start(Policy("x", "drwan"))
    with pytest.raises(GoodsightError, match=r"\[policies\.x\]: category 'bagg' is none of bag, .* Did you mean 'bag'"):
        start(Policy("x", "drawn", category="bagg"))
    with pytest.raises(GoodsightError, match=r"\[policies\.x\]: precision 0\.9999 cannot be promised"):
        start(Policy("x", "drawn", precision=0.9999))
    assert not (tmp_path / "data").exists()


def test_a_new_version_that_cannot_keep_a_policy_is_refused(trained: Training, tmp_path: Path) -> None:
    policies = Policies(Path("p.toml"), (Policy("x", "drawn", category="bag"),))
    with TestClient(create_app(Settings({"drawn": trained.folder}, tmp_path, policies=policies))) as client:
        models = client.app.state.service.models  # type: ignore[attr-defined]
        served = models.all()
        # A model that lacks a category of the file looks to it as a file with a category that the model lacks.
        models._policies = replace(policies, each=(Policy("x", "drawn", category="boot"),))
        client.portal.call(models._swap, "drawn")  # type: ignore[union-attr]
        assert "[policies.x]: category 'boot' is none of bag" in models.refused("drawn")
        assert models.all() == served
