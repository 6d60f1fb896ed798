"""What a model was never trained on is kept with it."""

from pathlib import Path

import numpy as np

from goodsight.catalog.rows import Catalog, Row
from goodsight.embedding.photoset import to_train
from goodsight.embedding.table import Table
from goodsight.model import testset


def test_test_photos_keep_their_labels_and_groups(tmp_path: Path) -> None:
    said = [("bag", "train", "anna"), ("mug", "train", "ben"), ("bag", "test", "=cleo"), ("mug", "test", "")]
    rows = tuple(
        Row(f"{i}.jpg", tmp_path / f"{i}.jpg", (label,), split, group=group)
        for i, (label, split, group) in enumerate(said)
    )
    digests = tuple(f"{i:064x}" for i in range(4))
    table = Table(rows, digests, np.eye(4, dtype=np.float32), np.zeros((4, 256), np.uint8), ())
    (photo_set,) = to_train(Catalog("photos", rows), table)
    testset.write(tmp_path, photo_set, [photo_set.attribute])
    kept, hashes = testset.read(tmp_path, [photo_set.attribute])
    assert [(row.labels, row.group) for row in kept.rows] == [(("bag",), "=cleo"), (("mug",), "")]
    assert hashes == {rows[2].path: digests[2], rows[3].path: digests[3]}
