"""JSON of any shape is refused or read in no time; each route has its own limit."""

import json

import pytest

from goodsight.serve import bodies
from goodsight.serve.problems import Problem


def test_a_body_is_as_large_as_its_route_needs() -> None:
    most = [bodies.most(path, 3 * 2**20) for path in ("/v1/check", "/v2/models/a.b/infer", "/v1/appeals", "/login")]
    assert most == [4 * 2**20, 5 * 2**20, 2**16, 2**16]
    longest = json.dumps({"id": "f" * 64, "note": "\U0001f45c" * 2000}).encode()
    assert len(longest) < bodies.SMALL_BYTES / 2


def test_what_is_sent_is_read() -> None:
    photo = "x" * 100_000 + "\\/" * 10
    assert bodies.parsed(b'\xef\xbb\xbf{"a": [1, 2.5, "\\u00e4", null, true], "b": {}}')["a"] == [
        1,
        2.5,
        "ä",
        None,
        True,
    ]
    assert bodies.parsed(b'"\\ud83d\\ude00 \\\\ud83d"') == "\U0001f600 \\ud83d"
    text = json.dumps({"inputs": [{"data": [photo] * 16}]}, separators=(",", ":")).replace("/", "\\/")
    assert bodies.parsed(text.encode())["inputs"][0]["data"] == [photo] * 16


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" + b"{}," * 3_000_000 + b"{}]", "values"),
        (b'{"a":' * 15_000 + b"1" + b"}" * 15_000, "values"),
        (b"[" * 19_000, "too deep"),
        (b'"' + b"\\u0041" * 300_000 + b'"', "values"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": 1e999}', "1e999 is no number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON: "),
        (b'{"a": 1, "b": {"a": 2, "c": 3, "a": 4}}', "'a' is there twice"),
        (b'{"a": ["\\ud83d"]}', "surrogates"),
        (b'{"\\uDE00": 1}', "surrogates"),
        ('{"a": "ä"}'.encode("utf-16"), "utf-8"),
        ('{"a": "ä"}'.encode("latin-1"), "utf-8"),
    ],
    ids=[
        "many",
        "nested",
        "deep",
        "escapes",
        "nan",
        "infinity",
        "huge",
        "digits",
        "twice",
        "half",
        "named half",
        "utf-16",
        "latin-1",
    ],
)
def test_odd_json_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Problem) as caught:
        bodies.parsed(body)
    assert caught.value.status_code == 400
    assert said in str(caught.value.detail)


@pytest.mark.parametrize("named", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
def test_utf_8_may_be_named(named: str) -> None:
    bodies.utf8_only(f"multipart/form-data; charset={named}; boundary=x")
    bodies.utf8_only("application/json")


@pytest.mark.parametrize(
    "named", ["charset=punycode", "CharSet = undefined", 'charset="utf-16"', "charset*=''idna", "charset="]
)
def test_another_charset_is_refused(named: str) -> None:
    with pytest.raises(Problem, match=r"send UTF-8") as caught:
        bodies.utf8_only(f"application/json; {named}")
    assert caught.value.status_code == 400


def test_a_long_content_type_is_refused_before_it_is_searched() -> None:
    bodies.utf8_only("application/json; a=" + "b" * 180)
    for text in ("application/json; " + "charset" * 4400, "application/json; a=" + "b" * 181):
        with pytest.raises(Problem, match=f"Content-Type: has {len(text)} characters; send at most 200") as caught:
            bodies.utf8_only(text)
        assert caught.value.status_code == 400
