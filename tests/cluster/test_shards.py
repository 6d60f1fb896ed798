"""A catalog is cut in its order, lazily, and a shard is told by its photos."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from shard_jobs import rows

from goodsight.catalog.rows import Row
from goodsight.cluster import shards


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
