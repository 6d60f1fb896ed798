"""The page's folder holds the model and the runtime as scripts, byte for byte, and the runtime's licence."""

import base64
import gzip
import re
from pathlib import Path

from goodsight.exporting import web
from goodsight.exporting.runtime import Runtime

RUNTIME = Runtime(b"script" * 99, b"\0asm" * 99, "9.9.9")


def _held(path: Path, name: str) -> bytes:
    found = re.search(rf'^GOODSIGHT\.{name} = "([^"]*)";$', path.read_text(encoding="ascii"), re.MULTILINE)
    assert found
    return gzip.decompress(base64.b64decode(found[1]))


def test_scripts_hold_the_model_and_the_runtime(tmp_path: Path) -> None:
    web.write(tmp_path, b"model" * 99, {"classes": ["</script>", "caf\udce9"]}, RUNTIME)
    assert _held(tmp_path / "model.js", "onnx") == b"model" * 99
    assert _held(tmp_path / "runtime.js", "script") == RUNTIME.script
    assert _held(tmp_path / "runtime.js", "wasm") == RUNTIME.wasm
    assert "Copyright (c) Microsoft Corporation" in (tmp_path / "LICENSE-onnxruntime-web.txt").read_text()
    assert "Web 9.9.9" in (tmp_path / "LICENSE-onnxruntime-web.txt").read_text()


def test_every_file_that_the_page_loads_is_there_and_none_is_from_elsewhere(tmp_path: Path) -> None:
    web.write(tmp_path, b"model", {}, RUNTIME)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    loads = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(loads) == 7
    assert [name for name in loads if name != "data:," and not (tmp_path / name).is_file()] == []


def test_the_same_model_gives_the_same_page(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        web.write(tmp_path / name, b"model" * 99, {"a": 1}, RUNTIME)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
