"""Answers by shards are not written where the photos are looked for."""

from pathlib import Path

import pytest

import goodsight
from goodsight.errors import GoodsightError


@pytest.mark.parametrize("out", ["photos", "photos/answers", "other/../photos/a", "link/answers"])
def test_out_among_the_photos_is_refused_before_anything_is_done(out: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    with pytest.raises(GoodsightError, match=f"`out` .*: lies in {tmp_path / 'photos'}, where the photos are"):
        goodsight.embed(tmp_path / "photos", out=tmp_path / out)
    with pytest.raises(GoodsightError, match="lies in"):
        goodsight.classify_shards(tmp_path / "none", tmp_path / "photos", out=tmp_path / out)
    assert list((tmp_path / "photos").iterdir()) == []


@pytest.mark.parametrize("out", ["s3://shop/photos", "s3://shop/photos/", "s3://shop/photos/answers?x=1"])
def test_out_among_photos_elsewhere_is_refused(out: str) -> None:
    with pytest.raises(GoodsightError, match=r"`out` s3://shop/photos.*: lies in s3://shop/photos"):
        goodsight.embed("s3://shop/photos/", out=out)


def test_out_beside_the_photos_is_taken(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(GoodsightError, match=r"the model|no photos|there is no|model.json"):
        goodsight.classify_shards(tmp_path / "none", tmp_path / "photos", out=tmp_path / "photos-answers")
    with pytest.raises(GoodsightError, match=r"the model|no photos|there is no|model.json"):
        goodsight.classify_shards(tmp_path / "none", "s3://shop/photos", out="s3://shop/photos-answers")
