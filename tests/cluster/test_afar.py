"""What a cluster embeds is what this process embeds, so that audit and train come out the same."""

from pathlib import Path
from typing import Any

import pytest

import goodsight
from goodsight import Work
from goodsight.backbones.backbone import Backbone
from goodsight.catalog.read import unlabelled
from goodsight.cluster import afar
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
    with Embedder(backbone) as here, Work(on="ray", shard=60, progress=quiet).embedder(backbone) as far:
        one, two = here.table(rows), far.table(rows)
        assert len(far.table([]).rows) == 0
    assert (one.rows, one.sha256) == (two.rows, two.sha256)
    assert one.vectors.dtype == two.vectors.dtype
    assert (one.vectors == two.vectors).all()
    assert (one.thumbnails == two.thumbnails).all()
    assert list(map(str, one.bad)) == list(map(str, two.bad))
    assert list((cache_folder() / "cluster").iterdir()) == []


def test_an_audit_is_the_same(ray: Any, drawn_photos: Path, planted: object) -> None:
    here = goodsight.audit(drawn_photos, work=Work(progress=quiet))
    far = goodsight.audit(drawn_photos, work=Work(on="ray", progress=quiet))
    assert (here.findings, here.review) == (far.findings, far.review)


def test_what_is_not_embedded_is_an_error(
    backbone: Backbone, drawn_photos: Path, planted: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Sharded("out", 9, 0, 0, (Failed(2, (4, 6), "its worker died"),))
    monkeypatch.setattr("goodsight.cluster.afar.run", lambda *args: lost)
    said = r"not embedded: shard 2 \(photos 4 to 5\): its worker died; run the same command again"
    with Work(on="ray").embedder(backbone) as far, pytest.raises(GoodsightError, match=said):
        far.table(list(unlabelled(drawn_photos)))


def test_a_second_run_has_a_folder_of_its_own_and_the_first_goes_on_with_its(tmp_path: Path) -> None:
    usual = tmp_path / "cluster" / "name"
    with afar._folder(usual) as first, afar._folder(usual) as second:
        assert first == usual
        assert second.parent == usual.parent
        assert second != usual
        usual.mkdir()
        (usual / "_manifest.json").touch()
    assert list(usual.parent.iterdir()) == [usual]
    with afar._folder(usual) as again:
        assert (again / "_manifest.json").exists()


def test_a_folder_that_nobody_can_go_on_with_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    (tmp_path / "name" / "0000000.parquet").touch()
    with afar._folder(tmp_path / "name") as folder:
        assert not folder.exists()
