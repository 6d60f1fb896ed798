"""Base64 as programs write it."""

import ast
import base64
import random
import textwrap
from pathlib import Path

import pytest

from goodsight.serve import photo_text
from goodsight.serve.photo_text import photo_from
from goodsight.serve.problems import Problem

PHOTOS = [random.Random(n).randbytes(n) for n in (1, 2, 3, 100, 101, 1000)] + [b"\xff\xfb\xfe" * 50]
MOST = 2**16


def _plain(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


@pytest.mark.parametrize("photo", PHOTOS, ids=len)
def test_every_way_to_write_it(photo: bytes) -> None:
    plain = _plain(photo)
    safe = base64.urlsafe_b64encode(photo).decode()
    ways = [
        plain,
        base64.encodebytes(photo).decode(),
        "\r\n".join(textwrap.wrap(plain, 64)) + "\r\n",
        "  " + " ".join(textwrap.wrap(plain, 20)) + "\t\n",
        "\ufeff" + plain,
        safe,
        safe.rstrip("="),
        plain.rstrip("="),
        f"data:image/jpeg;base64,{plain}",
        f"data:image/jpeg;name=a.jpg;base64,{safe}",
        f"data:;base64,{plain}",
        f" DATA:image/png;BASE64,\n{base64.encodebytes(photo).decode()}",
        f"data:image/jpeg;base64,{plain}".replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    ]
    for text in ways:
        assert photo_from(text, "here", MOST) == photo


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("data:image/jpeg;base64,", "is empty"),
        ("AAAA%AAA", "not base64: '%' stands there after 4 of its characters"),
        ("b'AAAA'", 'not base64: "\'" stands there after 1'),
        ("AAAA\\nAAAA", "stands there after 4"),
        ("ÿØÿà", "not base64: 'ÿ' stands there after 0"),
        ("AAAAA", "is its end cut off"),
        ("AAA===", "3 ="),
        ("AAA=AAAA", "a = stands after 3 characters, and more follows"),
        ("data:image/jpeg,AAAA", "a data: address without ;base64"),
        ("data:image/jpeg;base64,%FFAA", "not base64: '\ufffd' stands there after 0"),
        ("https://shop.test/a.jpg", "an address, which is not fetched"),
        (" s3://shop/a.jpg", "an address, which is not fetched"),
        ("gs://shop/a.jpg", "an address, which is not fetched"),
        ("memory://a.jpg", "an address, which is not fetched"),
        ("zip://a.jpg::file:///b.zip", "an address, which is not fetched"),
        ("file:/etc/passwd", "an address, which is not fetched"),
    ],
)
def test_what_is_no_base64_is_told(text: str, why: str) -> None:
    with pytest.raises(Problem, match=r"^422: inputs\.0\.data\.3: ") as told:
        photo_from(text, "inputs.0.data.3", MOST)
    assert why in told.value.detail


def test_a_photo_that_is_too_large_is_not_unpacked() -> None:
    assert len(photo_from(_plain(bytes(1000)), "here", 1000)) == 1000
    for text in (_plain(bytes(1004)), base64.encodebytes(bytes(2000)).decode(), "data:;base64," + _plain(bytes(1004))):
        with pytest.raises(Problem) as told:
            photo_from(text, "here", 1000)
        assert (told.value.status_code, "too large" in told.value.detail) == (413, True)


class _Text(str):
    """A text that is not to be walked through letter by letter."""

    __slots__ = ()

    def translate(self, table: object) -> str:
        raise AssertionError("slow where a text is not ASCII")


def test_letters_of_no_base64_are_found_without_a_walk_through_all() -> None:
    with pytest.raises(Problem, match=r"'\u0100' stands there after 4"):
        photo_from(_Text("AA\u00a0AA" + "\u0100" * 1000), "here", MOST)


def test_a_few_marks_of_byte_order_are_passed_over() -> None:
    assert photo_from("\ufeffAA" * 16, "here", MOST) == bytes(24)
    with pytest.raises(Problem, match=r"'\\ufeff' stands there after 32"):
        photo_from("\ufeffAA" * 17, "here", MOST)


def test_nothing_of_the_service_can_read_a_place() -> None:
    """What a request says never becomes a path or an address: the service decodes bytes alone."""
    reading = {"places", "remote", "ranges", "local", "tars", "given"}
    for path in Path(photo_text.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                {alias.name.rpartition(".")[2] for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            )
            source = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            if source.startswith("goodsight.photos"):
                assert not reading & {*names, source.rpartition(".")[2]}, path.name
            assert not (source.startswith("goodsight.catalog") and "unlabelled" in names), path.name
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("decoder", "read"), ("decoder", "digest")}, path.name
