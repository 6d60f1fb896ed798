"""What cleanlab, cleanvision and imagededup find; runs in the environment bench/.peers and prints JSON.

Usage: peers_audit.py labels|outliers FILE.npz    cleanlab's scores (n,) for embeddings, labels and probabilities
       peers_audit.py cleanvision FOLDER          near and exact duplicate sets, and the seconds for all its checks
       peers_audit.py imagededup FOLDER           pairs of duplicates by perceptual hashes
"""

from __future__ import annotations

import json
import sys
import time
from unittest.mock import MagicMock


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


def imagededup(folder: str) -> object:
    # Its hashes need neither torch nor torchvision, but its package imports both.
    torch = ("torch", "torch.nn", "torch.utils", "torch.utils.data")
    for name in (*torch, "torchvision", "torchvision.models", "torchvision.transforms"):
        sys.modules[name] = MagicMock()
    sys.modules["torch"].Tensor = type("Tensor", (), {})
    sys.modules["torch"].nn.Module = sys.modules["torch.nn"].Module = type("Module", (), {})
    sys.modules["torch.utils.data"].Dataset = type("Dataset", (), {})
    from imagededup.methods import PHash

    found = PHash(verbose=False).find_duplicates(image_dir=folder, recursive=True)
    return {"pairs": sorted({tuple(sorted((a, b))) for a, others in found.items() for b in others})}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
