"""What a cluster embeds is what this process embeds, so that audit and train come out the same."""

from pathlib import Path
from typing import Any

import pytest

import goodsight
from goodsight import Work
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.read import unlabelled
from goodsight.cluster.queue import Failed
from goodsight.cluster.run import Sharded
from goodsight.embedding.embedder import Embedder
from goodsight.errors import GoodsightError
from goodsight.files import cache_folder
from goodsight.progress import quiet


def test_the_table_is_the_same_and_nothing_is_left(
    ray: Any, backbone: Backbone, drawn_photos: Path, planted: object
) -> None:
    rows = list(unlabelled(drawn_photos))
    with Embedder(backbone) as here, Work(on="ray", shard=60, progress=quiet).embedder(backbone) as afar:
        one, two = here.table(rows), afar.table(rows)
        assert len(afar.table([]).rows) == 0
    assert (one.rows, one.sha256) == (two.rows, two.sha256)
    assert one.vectors.dtype == two.vectors.dtype
    assert (one.vectors == two.vectors).all()
    assert (one.thumbnails == two.thumbnails).all()
    assert list(map(str, one.bad)) == list(map(str, two.bad))
    assert list((cache_folder() / "cluster").iterdir()) == []


def test_an_audit_is_the_same(ray: Any, drawn_photos: Path, planted: object) -> None:
    here = goodsight.audit(drawn_photos, work=Work(progress=quiet))
    afar = goodsight.audit(drawn_photos, work=Work(on="ray", progress=quiet))
    assert (here.findings, here.review) == (afar.findings, afar.review)


def test_what_is_not_embedded_is_an_error(
    backbone: Backbone, drawn_photos: Path, planted: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Sharded("out", 9, 0, 0, (Failed(2, (4, 6), "its worker died"),))
    monkeypatch.setattr("goodsight.cluster.afar.run", lambda *args: lost)
    said = r"not embedded: shard 2 \(photos 4 to 5\): its worker died; run the same command again"
    with Work(on="ray").embedder(backbone) as afar, pytest.raises(GoodsightError, match=said):
        afar.table(list(unlabelled(drawn_photos)))
