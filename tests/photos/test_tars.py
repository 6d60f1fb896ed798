"""A tar is read by its headers; one from a stranger does nothing but give its regular files."""

import bz2
import gzip
import io
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from goodsight.errors import CatalogError, GoodsightError
from goodsight.photos import places, tars
from goodsight.photos.limits import BadPhoto, Limits


def _tar(path: Path, members: Sequence[tuple[str, bytes] | tarfile.TarInfo], kind: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=kind) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return path


def _special(name: str, kind: bytes, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_file_is_found_where_its_bytes_are(kind: int, tmp_path: Path) -> None:
    long = "a" * 90 + "/" + "ü" * 30 + ".jpg"
    members = [("a/1.jpg", b"one" * 400), (long, b"two"), ("./b.cls", b"cat\n"), ("empty.jpg", b"")]
    found = list(tars.files(_tar(tmp_path / "x.tar", members, kind), (".cls",)))
    assert [each.member.name for each in found] == ["a/1.jpg", long, "b.cls", "empty.jpg"]
    assert [each.member.read(Limits()) for each in found[:3]] == [data for _, data in members[:3]]
    assert [each.text for each in found] == [b"", b"", b"cat\n", b""]


def test_a_tar_elsewhere_is_as_one_here(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    path = _tar(tmp_path / "x.tar", [(f"{i}.jpg", bytes([i % 256]) * 5000) for i in range(300)])
    fsspec.filesystem("memory").pipe("/tars/x.tar", path.read_bytes())
    here, there = list(tars.files(path)), list(tars.files(places.of("memory://tars/x.tar")))
    assert [(f.member.name, f.member.offset) for f in here] == [(f.member.name, f.member.offset) for f in there]
    assert there[299].member.read(Limits()) == here[299].member.read(Limits())


def test_links_devices_and_names_outside_are_passed_over(tmp_path: Path) -> None:
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
    hostile = [_special(f"{number}.jpg", kind, "/etc/passwd") for number, kind in enumerate(kinds)]
    outside: list[tuple[str, bytes]] = [("../../out.jpg", b"x"), ("/etc/absolute.jpg", b"x"), ("a/../../up.jpg", b"x")]
    path = _tar(tmp_path / "x.tar", [*hostile, *outside, ("good.jpg", b"x")])
    assert [found.member.name for found in tars.files(path)] == ["etc/absolute.jpg", "good.jpg"]
    assert [each.name for each in tmp_path.iterdir()] == ["x.tar"]


def test_a_header_that_asks_for_memory_or_leads_back_ends_it(tmp_path: Path) -> None:
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        info = _special("x", kind)
        info.size = 2**33
        path = tmp_path / "large.tar"
        path.write_bytes(info.tobuf(tarfile.GNU_FORMAT))
        with path.open("r+b") as stream:  # a hole: it takes no room
            stream.truncate(2**34)
        with pytest.raises(CatalogError, match=r"large\.tar: is no tar that can be read: a header of over 1 MiB"):
            list(tars.files(path))
    info = tarfile.TarInfo("back.jpg")
    info.size = -1024
    path = tmp_path / "back.tar"
    path.write_bytes(b"".join(tarfile.TarInfo(f"{i}.jpg").tobuf() for i in range(3)) + info.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(CatalogError, match=r"back\.tar: is no tar that can be read"):
        list(tars.files(path))


def test_a_size_below_0_ends_it(tmp_path: Path) -> None:
    # One byte back is where the stream may go, so only the size itself tells.
    for size in (-1, -512):
        info = tarfile.TarInfo("all.jpg")
        info.size = size
        (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 2048)
        with pytest.raises(CatalogError, match=r"x\.tar: is no tar that can be read: a file of a size below 0"):
            list(tars.files(tmp_path / "x.tar"))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_thousands_of_headers_about_the_next_one_end_it(kind: bytes, tmp_path: Path) -> None:
    about = _special("x", kind)
    about.size = 0 if kind == tarfile.XHDTYPE else 5
    one = about.tobuf(tarfile.GNU_FORMAT) + b"name".ljust(512, b"\0") * bool(about.size)
    (tmp_path / "x.tar").write_bytes(one * 3000 + tarfile.TarInfo("a.jpg").tobuf())
    with pytest.raises(CatalogError, match=r"x\.tar: is no tar that can be read: too many headers in a row"):
        list(tars.files(tmp_path / "x.tar"))


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_of_a_damaged_tar_only_named_errors_come(kind: int, tmp_path: Path) -> None:
    random, path = np.random.default_rng(kind), tmp_path / "x.tar"
    members = [("a" * 120 + ".jpg", b"one"), ("ü" * 40 + ".cls", b"cat"), ("b.jpg", b"two" * 300)]
    sound = _tar(path, members, kind).read_bytes().rstrip(b"\0") + bytes(1024)
    outcomes = Counter[str]()
    for _ in range(400):
        path.write_bytes(_damaged(sound, random))
        try:
            for found in tars.files(path, (".cls",)):
                assert len(found.member.read(Limits())) == found.member.size
            outcomes["read"] += 1
        except (GoodsightError, BadPhoto) as error:
            outcomes[type(error).__name__] += 1
    assert outcomes["CatalogError"] > 5


def _damaged(data: bytes, random: np.random.Generator) -> bytes:
    """With one to four wrong bytes in its headers, their sums made right again, as a stranger would."""
    wrong = bytearray(data)
    for _ in range(random.integers(1, 5)):
        likely = np.array([0, 45, 48, 57, 76, 83, 120, 128, 255, random.integers(256)])
        wrong[random.integers(len(wrong))] = random.choice(likely)
    for at in range(0, len(wrong) - 511, 512):
        if data[at + 257 : at + 262] == b"ustar":
            wrong[at + 148 : at + 156] = b" " * 8
            wrong[at + 148 : at + 156] = b"%06o\0 " % sum(wrong[at : at + 512])
    return bytes(wrong)


def test_a_size_beyond_the_end_is_told_when_it_is_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("large.jpg")
    info.size = 10**6
    (tmp_path / "x.tar").write_bytes(info.tobuf() + b"x" * 512)
    try:
        found = [each.member for each in tars.files(tmp_path / "x.tar")]
    except CatalogError as error:
        assert "is no tar that can be read" in str(error)  # noqa: PT017
    else:
        with pytest.raises(Exception, match=r"x\.tar ends before it"):
            found[0].read(Limits())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no tar at all" * 100, "is no tar that can be read"),
        (gzip.compress(b"x" * 2000), "is compressed, so no photo in it can be found by its place; write it as a plain"),
        (bz2.compress(b"x" * 2000), "is compressed"),
    ],
    # A gzip file says when it was made, and each of pytest's processes makes its own.
    ids=["text", "gzip", "bzip2"],
)
def test_what_is_no_plain_tar_says_so(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(CatalogError, match=said):
        list(tars.files(tmp_path / "x.tar"))


def test_a_tar_that_is_not_there_says_so(tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="needs fsspec, which is in the extra `remote`")
    with pytest.raises(CatalogError, match=r"x\.tar: cannot be read: No such file"):
        list(tars.files(tmp_path / "x.tar"))
    with pytest.raises(CatalogError, match=r"memory://none\.tar: missing: nothing is there"):
        list(tars.files(places.of("memory://none.tar")))
