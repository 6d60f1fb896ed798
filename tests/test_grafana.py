"""The dashboard of examples/ asks for metrics that the service has, with labels that they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prometheus_client", reason="the metrics need the extra `serve`")

from goodsight.serve.meters import Meters

DASHBOARD = Path(__file__).parents[1] / "examples" / "grafana.json"


def _said() -> dict[str, set[str]]:
    """The labels of each metric of a service that has answered something."""
    meters = Meters(lambda: 1.0, lambda: 2.0)
    meters.request("POST", "/v1/check", 200, 0.1)
    meters.batch("ads", 3)
    meters.answer("ads", "match", 0.5)
    said: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*?)\})? \S+$", meters.text().decode(), re.MULTILINE):
        said.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return said


def test_each_metric_of_the_dashboard_is_one_of_the_service() -> None:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    said = _said()
    asked = [(panel, target) for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(asked) > 8
    for panel, target in asked:
        names = re.findall(r"goodsight_\w+", target["expr"])
        assert names, panel["title"]
        labels = set(re.findall(r"by \(([\w, ]+)\)", target["expr"].replace("le, ", "")))
        labels |= set(re.findall(r"(\w+)=~?\"", target["expr"])) | set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        for name in names:
            assert name in said, f"{panel['title']}: {name}"
            assert labels - {"le"} <= said[name], f"{panel['title']}: {labels}"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
