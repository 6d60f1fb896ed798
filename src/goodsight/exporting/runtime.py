"""ONNX Runtime for browsers, from the npm package ``onnxruntime-web``: the parts of it that a page needs.

It is fetched once with ``npm pack``, in the version that is tested here and with the sha512 that is written down here,
and kept in the cache; or it is given as a path.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from goodsight.errors import EngineError
from goodsight.files import cache_folder, whole_file

VERSION = "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""As the npm registry says it."""
_SCRIPT, _WASM = "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"
_SECONDS = 300


@dataclass(frozen=True)
class Runtime:
    """A script (an ES module), the WebAssembly that it runs, and the version of both."""

    script: bytes
    wasm: bytes
    version: str


def of(given: Path | None) -> Runtime:
    """The runtime.

    Args:
        given: the package as npm packs it (.tgz), or its folder; None for the tested version, from the cache or npm.

    Raises:
        EngineError: it is not there, is not this package, or cannot be fetched.

    """
    path = given or _fetched()
    try:
        return _of_folder(path) if path.is_dir() else _of_archive(path)
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise EngineError(
            f"`runtime` {path}: is not the npm package onnxruntime-web ({error}); give its .tgz or its folder"
        ) from error


def _of_folder(path: Path) -> Runtime:
    return _read(lambda name: (path / name).read_bytes())


def _of_archive(path: Path) -> Runtime:
    with tarfile.open(path) as archive:

        def member(name: str) -> bytes:
            stream = archive.extractfile(f"package/{name}")
            if stream is None:
                raise ValueError(f"{name} is no file")
            return stream.read()

        return _read(member)


def _read(part: Callable[[str], bytes]) -> Runtime:
    said = json.loads(part("package.json"))
    if said["name"] != "onnxruntime-web":
        raise ValueError(f"its name is {said['name']}")
    return Runtime(part(_SCRIPT), part(_WASM), said["version"])


def _fetched() -> Path:
    """The package in the cache; fetched when it is not there."""
    kept = cache_folder() / "runtimes" / f"onnxruntime-web-{VERSION}.tgz"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            data = _packed(Path(folder)).read_bytes()
        if base64.b64encode(hashlib.sha512(data).digest()).decode() != SHA512:
            raise EngineError(f"npm gave another onnxruntime-web {VERSION} than the known one; {_INSTEAD}")
        with whole_file(kept) as part:
            part.write_bytes(data)
    return kept


_INSTEAD = (
    f"fetch https://www.npmjs.com/package/onnxruntime-web version {VERSION} elsewhere (`npm pack "
    f"onnxruntime-web@{VERSION}`) and give the .tgz as `runtime`"
)


def _packed(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise EngineError(f"the page needs onnxruntime-web, and there is no npm to fetch it with: {_INSTEAD}")
    options = ["--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    command = [npm, "pack", f"onnxruntime-web@{VERSION}", *options]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603
        return next(folder.glob("*.tgz"))
    except (subprocess.SubprocessError, OSError, StopIteration) as error:
        raise EngineError(f"the page needs onnxruntime-web, and npm cannot fetch it: {_INSTEAD}") from error
