"""The example for Kubernetes has what KubeRay's schema requires, and its command is a command of ours."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from goodsight.cli import app

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which mkdocs and Ray bring")
FILE = Path(__file__).parents[1] / "examples" / "kuberay.yaml"
JOB = {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit", "rayClusterSpec"}
GROUP = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def test_it_has_the_fields_of_a_ray_job(job: dict[str, Any]) -> None:
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["metadata"].keys() & {"name", "generateName"}
    assert set(job["spec"]) == JOB
    cluster = job["spec"]["rayClusterSpec"]
    assert set(cluster) == {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    head, workers = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert set(head) == {"rayStartParams", "template"}
    assert all(set(group) == GROUP for group in workers)
    assert all(group["minReplicas"] <= group["replicas"] <= group["maxReplicas"] for group in workers)
    for group in (head, *workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        (container,) = group["template"]["spec"]["containers"]
        assert container["name"]
        assert container["image"]
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_its_command_is_one_of_ours(job: dict[str, Any]) -> None:
    program, verb, *words = shlex.split(job["spec"]["entrypoint"])
    command: Any = typer.main.get_command(app.app)
    context = command.commands[verb].make_context(verb, words)
    assert program == "goodsight"
    assert context.params["on"] == "ray"
    assert context.params["workers"] == sum(g["replicas"] for g in job["spec"]["rayClusterSpec"]["workerGroupSpecs"])


def test_its_ray_is_the_one_that_is_tested(job: dict[str, Any]) -> None:
    ray = pytest.importorskip("ray", reason="needs Ray, which is in the extra `cluster`")
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == ray.__version__
