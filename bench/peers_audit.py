"""What cleanlab, cleanvision and imagededup find; runs in the environment bench/.peers and prints JSON.

Usage: peers_audit.py labels|outliers FILE.npz    cleanlab's scores (n,) for embeddings, labels and probabilities
       peers_audit.py cleanvision FOLDER          near and exact duplicate sets, and the seconds for all its checks
       peers_audit.py imagededup FOLDER           pairs of duplicates by perceptual hashes
"""

from __future__ import annotations

import json
import sys
import time
import types
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec


def labels(file: str) -> object:
    import numpy as np
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    data = np.load(file)
    scores = get_label_quality_scores(data["labels"], data["probabilities"])
    found = find_label_issues(data["labels"], data["probabilities"])
    return {"scores": scores.tolist(), "found": found.tolist()}


def outliers(file: str) -> object:
    import numpy as np
    from cleanlab.outlier import OutOfDistribution

    return {"scores": OutOfDistribution().fit_score(features=np.load(file)["features"], verbose=False).tolist()}


def cleanvision(folder: str) -> object:
    from cleanvision import Imagelab

    start = time.monotonic()
    lab = Imagelab(data_path=folder)
    lab.find_issues(n_jobs=2, verbose=False)
    seconds = time.monotonic() - start
    sets = [lab.info[kind].get("sets", []) for kind in ("exact_duplicates", "near_duplicates")]
    return {"seconds": seconds, "sets": [list(map(str, one)) for kind in sets for one in kind]}


class _Anything(type):
    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class _Nothing(metaclass=_Anything):
    """Stands for whatever is asked of a module that is not there."""

    def __init__(self, *_: object, **__: object) -> None:
        pass


class _Absent(types.ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


class _Finder(MetaPathFinder, Loader):
    """Finds torch and torchvision: imagededup imports both, but its hashes need neither."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.split(".")[0] in {"torch", "torchvision"} else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _Absent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def imagededup(folder: str) -> object:
    sys.meta_path.insert(0, _Finder())
    from imagededup.methods import PHash

    found = PHash(verbose=False).find_duplicates(image_dir=folder, recursive=True)
    return {"pairs": sorted({tuple(sorted((a, b))) for a, others in found.items() for b in others})}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
