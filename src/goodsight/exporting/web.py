"""A model as a page that checks photos in the browser, from a disk or from any web server.

A page that was opened from a disk may load scripts and fetch nothing. So the model and the runtime are scripts, which
hold their bytes as base64 of gzip. A policy in the page forbids it to send anything.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from goodsight.exporting.runtime import Runtime

PAGE = ("index.html", "style.css", "pixels.js", "verdicts.js", "page.js")

_LICENCE = """ONNX Runtime Web {version} (https://github.com/microsoft/onnxruntime) is in runtime.js.

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def write(folder: Path, composed: bytes, said: Mapping[str, Any], runtime: Runtime) -> None:
    """Write the page into an empty folder.

    Args:
        folder: where to.
        composed: the model as an ONNX file.
        said: what it says of itself, see :mod:`goodsight.exporting.contract`.
        runtime: what runs it.

    """
    for name in PAGE:
        (folder / name).write_bytes((files("goodsight.exporting") / "page" / name).read_bytes())
    model = f'GOODSIGHT.model = {json.dumps(said)};\nGOODSIGHT.onnx = "{_packed(composed)}";\n'
    (folder / "model.js").write_text(model, encoding="ascii")
    scripts = {"script": runtime.script, "wasm": runtime.wasm}
    held = "".join(f'GOODSIGHT.{name} = "{_packed(data)}";\n' for name, data in scripts.items())
    (folder / "runtime.js").write_text(f"const GOODSIGHT = {{}};\n{held}", encoding="ascii")
    (folder / "LICENSE-onnxruntime-web.txt").write_text(_LICENCE.format(version=runtime.version), encoding="ascii")


def _packed(data: bytes) -> str:
    # Without the time, so that the same model gives the same page.
    return base64.b64encode(gzip.compress(data, compresslevel=6, mtime=0)).decode("ascii")
