"""A catalog is cut in its order, lazily, and a shard is told by its photos."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from shard_jobs import rows

from goodsight.catalog.rows import Row
from goodsight.cluster import shards
from goodsight.photos.places import Address, Member, Place


def test_shards_have_a_fixed_number_of_photos_but_for_the_last() -> None:
    cut = list(shards.cut(rows(7), 3))
    assert [[row.file_name for row in each.rows] for each in cut] == [
        ["0.jpg", "1.jpg", "2.jpg"],
        ["3.jpg", "4.jpg", "5.jpg"],
        ["6.jpg"],
    ]
    assert [(each.number, each.first, each.name) for each in cut] == [
        (0, 0, "0000000.parquet"),
        (1, 3, "0000001.parquet"),
        (2, 6, "0000002.parquet"),
    ]
    assert list(shards.cut([], 3)) == []


def test_no_more_is_read_than_is_asked_for() -> None:
    read = 0

    def endless() -> Iterator[Row]:
        nonlocal read
        for row in rows(100):
            read += 1
            yield row

    assert next(shards.cut(endless(), 5)).number == 0
    assert read == 5


def test_another_photo_order_or_place_is_another_shard() -> None:
    (whole,) = shards.cut(rows(3), 3)
    others = [
        replace(whole, rows=whole.rows[:2]),
        replace(whole, rows=whole.rows[::-1]),
        replace(whole, rows=(*whole.rows[:2], Row("2.jpg", Path("other/2.jpg")))),
        replace(whole, rows=(*whole.rows[:2], Row("\udce9.jpg", Path("\udce9.jpg")))),
    ]
    assert len({each.digest() for each in (whole, *others)}) == 5
    assert replace(whole, tried=2).digest() == whole.digest()


def _digest(place: Place) -> str:
    return shards.Shard(0, 0, (Row("a.jpg", place),)).digest()


def test_addresses_that_differ_in_their_query_are_other_photos() -> None:
    urls = [f"https://shop/photo{tail}" for tail in ("", "?id=1", "?id=2", "?id=1&se=2", "?id=1&se=3", "#1", "?id=1#1")]
    places: list[Place] = [Address(url) for url in urls]
    places += [Member(Address(f"https://shop/all.tar?id={i}"), "a.jpg", 512, 9) for i in range(2)]
    places += [Address(f"zip://a.jpg::https://shop/all.zip?id={i}") for i in range(2)]
    assert len({_digest(place) for place in places}) == len(places)


@pytest.mark.parametrize(
    "signed",
    [
        "id=1&X-Amz-Date=20261125T{0}Z&X-Amz-Expires=9&X-Amz-Signature={0}",
        "X-Goog-Date={0}&id=1&X-Goog-Signature={0}",
        "AWSAccessKeyId=k&id=1&Expires={0}&Signature={0}",
        "id=1&sv=2024-01-01&sp=r&se={0}&sr=b&sig={0}",
    ],
)
def test_a_list_that_is_signed_anew_is_of_the_same_photos(signed: str) -> None:
    one, two = (_digest(Address(f"https://shop/a.jpg?{signed.format(when)}")) for when in ("1", "2"))
    assert one == two
    assert one != _digest(Address(f"https://shop/a.jpg?{signed.format('1').replace('id=1', 'id=2')}"))


def test_paths_are_the_same_from_wherever_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    near = [Row("a", Path("a.jpg")), Row("b", Member(Path("b.tar"), "b", 512, 9)), Row("c", Address("s3://shop/c"))]
    far = [Row("a", tmp_path / "a.jpg"), Row("b", Member(tmp_path / "b.tar", "b", 512, 9)), near[2]]
    (one,), (two,) = shards.cut(near, 9), shards.cut(far, 9)
    assert one.rows == tuple(far)
    assert one.digest() == two.digest()
