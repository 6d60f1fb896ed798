"""The main job needs what the package itself depends on and nothing more, with a cache that is empty."""

import os
import subprocess
import sys
from pathlib import Path

import drawn

CODE = """
import sys
class Missing:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("torch", "tensorboard", "transformers", "onnx", "onnxruntime", "sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import goodsight
from goodsight import Recipe, Wishes, Work
goodsight.audit("photos", "audit")
training = goodsight.train("photos", "model", wishes=Wishes(budget=0))
print(training.measured.results[0].scores.accuracy.value > 0.5, goodsight.evaluate("model", "photos") is not None)
print(len(list(goodsight.classify("model", "photos"))), goodsight.check("model", "photos/mug/a.jpg", "mug").label)
try:
    goodsight.train("photos", "other", recipe=Recipe("compact"))
except goodsight.GoodsightError as error:
    print(error)
"""


def test_the_main_job_runs_and_a_network_of_ones_own_says_what_it_needs(tmp_path: Path) -> None:
    drawn.make_folder(tmp_path / "photos", per_kind=16, faults=1)
    first = min((tmp_path / "photos" / "mug").iterdir())
    first.rename(first.with_name("a.jpg"))
    environment = os.environ | {"GOODSIGHT_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures, answers, network = done.stdout.splitlines()
    assert figures == "True True"
    assert answers.endswith(" mug")
    assert network.startswith("`network` compact is trained here, which needs torch: install it with `pip install ")
    assert "'goodsight[networks]'" in network
