"""What the metrics count, alone and over several processes."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from goodsight.serve.meters import Meters, drift

_PROCESS = """
import sys
from goodsight.serve.meters import Meters
made = Meters(lambda: int(sys.argv[1]), lambda: 7)
for number in range(60):
    made.request("POST", "/v1/check", 200, 0.1)
    made.answer("m", "match", (number % 20) / 20 / int(sys.argv[1]))
print("counted", made.text().decode(), sep="\\n", flush=True)
sys.stdin.read()
"""


def test_processes_add_up(tmp_path: Path) -> None:
    env = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    program = [sys.executable, "-c", _PROCESS]
    with subprocess.Popen([*program, "3"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "counted\n"
        second = subprocess.run([*program, "1"], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        first.kill()
    lines = second.stdout.splitlines()
    assert 'goodsight_requests_total{method="POST",route="/v1/check",status="200"} 120.0' in lines
    assert "goodsight_queue_photos 4.0" in lines
    assert "goodsight_reviews_waiting 7.0" in lines
    (largest,) = (float(line.split()[-1]) for line in lines if line.startswith("goodsight_drift{"))
    assert largest > 0.5  # the first one's photos are like none of training


def test_one_process_needs_no_folder() -> None:
    made = Meters(lambda: 2, lambda: 5)
    made.answer("m", "match", 0.5)
    text = made.text().decode()
    assert "goodsight_queue_photos 2.0" in text
    assert "goodsight_reviews_waiting 5.0" in text
    assert 'goodsight_drift{model="m"} NaN' in text


def test_drift_is_the_distance_from_the_even_spread() -> None:
    assert math.isnan(drift([0.5] * 49))
    assert drift(list(np.linspace(0, 1, 200))) == pytest.approx(0, abs=0.01)
    assert drift([0.0] * 100) == 1
