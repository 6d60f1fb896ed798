"""A place says where a photo is, what it is called, and what lies beside it; it travels to another process."""

import pickle
from pathlib import Path

import pytest

from goodsight.photos import places
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.places import Address, Member


@pytest.mark.parametrize(
    ("url", "name", "suffix", "parent"),
    [
        ("s3://bucket/photos/a.jpg", "a.jpg", ".jpg", "s3://bucket/photos"),
        ("s3://bucket/photos/", "photos", "", "s3://bucket"),
        ("s3://bucket", "bucket", "", "s3://"),
        ("https://example.org/x/list.csv?sig=1&to=a/b.jpg", "list.csv", ".csv", "https://example.org/x"),
        ("zip://in/a.jpg::s3://bucket/b.zip", "a.jpg", ".jpg", "zip://in::s3://bucket/b.zip"),
        ("zip://a.jpg::s3://bucket/b.zip", "a.jpg", ".jpg", "zip://::s3://bucket/b.zip"),
        ("zip://::s3://bucket/b.zip", "b.zip", ".zip", "zip://::s3://bucket/b.zip"),
        ("s3://bucket/a #1?.jpg", "a #1?.jpg", ".jpg", "s3://bucket"),
    ],
)
def test_an_address_has_the_parts_of_a_path(url: str, name: str, suffix: str, parent: str) -> None:
    address = Address(url)
    assert (address.name, address.suffix, address.parent.url) == (name, suffix, parent)


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("s3://bucket/photos/", "s3://bucket/photos/x/a.jpg"),
        ("s3://bucket/photos", "s3://bucket/photos/x/a.jpg"),
        ("zip://::s3://bucket/b.zip", "zip://x/a.jpg::s3://bucket/b.zip"),
        ("zip://in::s3://bucket/b.zip", "zip://in/x/a.jpg::s3://bucket/b.zip"),
        ("memory://", "memory://x/a.jpg"),
    ],
)
def test_what_lies_below_a_folder_has_a_name_in_it(folder: str, found: str) -> None:
    place = Address(folder) / "x" / "a.jpg"
    assert place.url == found
    assert places.below(place, Address(folder)) == "x/a.jpg"


@pytest.mark.parametrize(
    ("folder", "name", "found"),
    [
        ("s3://bucket", "a::b.jpg", "s3://bucket/a%3A%3Ab.jpg"),
        ("s3://bucket", "::https:", "s3://bucket/%3A%3Ahttps%3A"),
        ("zip://in::s3://bucket/b.zip", "a:", "zip://in/a%3A::s3://bucket/b.zip"),
        ("s3://bucket", "a:b:.jpg", "s3://bucket/a:b:.jpg"),
    ],
)
def test_a_name_is_never_read_as_a_chain(folder: str, name: str, found: str) -> None:
    place = Address(folder) / name
    assert place.url == found
    assert place.parent == Address(folder)


def test_a_text_is_a_path_or_an_address(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    odd = tmp_path / "ü #1?.jpg"
    assert places.of(str(odd)) == places.of(odd) == places.of(odd.as_uri()) == odd
    assert places.of("s3://bucket/a.jpg") == Address("s3://bucket/a.jpg")
    assert places.of(Address("s3://bucket")) == Address("s3://bucket")


@pytest.mark.parametrize(
    "place",
    [
        Path("a.jpg").resolve(),
        Address("s3://bucket/a.jpg"),
        Member(Path("x.tar").resolve(), "cat/a #1+2/b.jpg", 512, 99),
        Member(Address("s3://bucket/x.tar"), "cat/a.jpg", 512, 99),
    ],
    ids=str,
)
def test_a_place_travels_and_is_written_and_read_again(place: places.Place) -> None:
    assert pickle.loads(pickle.dumps(place)) == place
    assert places.again(places.written(place)) == place
    assert len({place, pickle.loads(pickle.dumps(place))}) == 1


def test_no_secret_is_shown_and_all_of_it_is_kept() -> None:
    address = Address("zip://a.jpg::https://me:secret@host:1/b.zip?sig=secret#secret")
    member = Member(Address("https://host/x.tar?sig=secret"), "a.jpg", 0, 9)
    for place in (address, member):
        shown = (str(place), repr(place), f"{place}", places.written(place), f"{[place]}")
        assert not any("secret" in text for text in shown), shown
    assert str(address) == "zip://a.jpg::https://host:1/b.zip"
    assert pickle.loads(pickle.dumps(address)).url == address.url


def test_a_member_is_read_by_its_place_and_checked_before(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"0123456789")
    member = Member(tmp_path / "x.tar", "a.jpg", 2, 3)
    assert member.read(Limits()) == b"234"
    for other, said in (
        (Member(tmp_path / "x.tar", "a.jpg", 8, 3), "unreadable: x.tar ends before it"),
        (Member(tmp_path / "x.tar", "a.jpg", 8, 0), "empty"),
        (Member(tmp_path / "x.tar", "a.jpg", 0, 10**12), "too large"),
        (Member(tmp_path / "x.tar", "a.jpg", 0, -1), "unreadable: its size is below 0"),
        (Member(tmp_path / "x.tar", "a.jpg", -1, 3), "unreadable: its place is below 0"),
        (Member(tmp_path / "none.tar", "a.jpg", 0, 3), "unreadable: no such file"),
    ):
        with pytest.raises(BadPhoto, match=said):
            other.read(Limits())


def test_a_member_of_a_tar_elsewhere_is_read_by_a_range() -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    fsspec.filesystem("memory").pipe("/places/x.tar", b"0123456789")
    assert Member(Address("memory://places/x.tar"), "a.jpg", 2, 3).read(Limits()) == b"234"
    with pytest.raises(BadPhoto, match=r"unreadable: x\.tar ends before it"):
        Member(Address("memory://places/x.tar"), "a.jpg", 8, 3).read(Limits())
