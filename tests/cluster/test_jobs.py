"""A job says what its answers depend on, and starts only with the files that it was made for."""

from dataclasses import replace
from pathlib import Path

import pytest

from goodsight.backbones.backbone import Backbone, file_sha256
from goodsight.cluster import jobs
from goodsight.cluster.jobs import NETWORK, Classifying, Embedding, Job
from goodsight.errors import ModelError
from goodsight.flow.training import Training
from goodsight.photos.limits import DEFAULT_LIMITS, Limits


def test_what_is_sent_is_the_model_without_its_reports(trained: Training, tmp_path: Path) -> None:
    files = jobs.files(trained.folder)
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    job = Classifying(file_sha256(trained.folder / "model.json"))
    assert callable(job.start(tmp_path))
    with pytest.raises(ModelError, match=r"model\.json: is not the file that was sent: its sha256 is another"):
        replace(job, sha256="0" * 64).start(tmp_path)


def test_a_network_that_was_changed_is_refused(backbone: Backbone, tmp_path: Path) -> None:
    job = Embedding(backbone.to_json(), DEFAULT_LIMITS)
    with pytest.raises(ModelError, match=r"network\.onnx: is not the file that was sent"):
        job.start(tmp_path)
    (tmp_path / NETWORK).write_bytes(backbone.network.read_bytes() + b" ")
    with pytest.raises(ModelError, match=r"network\.onnx: is not the file that was sent"):
        job.start(tmp_path)


def test_all_that_an_answer_depends_on_is_asked(backbone: Backbone) -> None:
    one, two = Classifying("a"), Embedding(backbone.to_json(), DEFAULT_LIMITS)
    others: list[Job] = [Classifying("b"), Classifying("a", 2), Embedding(backbone.to_json(), Limits(9))]
    every: list[Job] = [one, two, *others]
    assert len({str(each.asked) for each in every}) == 5
    assert Classifying("a", cached=False).asked == one.asked
