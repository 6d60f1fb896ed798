"""The browser's runtime comes from a path, or once from npm, and is the known one or none."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from goodsight.errors import EngineError
from goodsight.exporting import runtime
from goodsight.exporting.runtime import Runtime

PARTS = {
    "package.json": json.dumps({"name": "onnxruntime-web", "version": "9.9.9"}).encode(),
    "dist/ort.wasm.bundle.min.mjs": b"script",
    "dist/ort-wasm-simd-threaded.wasm": b"wasm",
}
MADE = Runtime(b"script", b"wasm", "9.9.9")


def _archive(parts: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in parts.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def _laid(folder: Path, parts: Mapping[str, bytes]) -> Path:
    for name, data in parts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Calls of an npm that packs :data:`PARTS`, which is the known package."""
    calls, data = [], _archive(PARTS)

    def run(command: list[str], **_: Any) -> None:
        calls.append(command)
        (Path(command[-1]) / "onnxruntime-web.tgz").write_bytes(data)

    monkeypatch.setenv("GOODSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runtime.shutil, "which", lambda name: f"/bin/{name}")  # type: ignore[attr-defined]
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(runtime, "SHA512", base64.b64encode(hashlib.sha512(data).digest()).decode())
    return calls


def test_a_path_is_an_archive_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "given.tgz").write_bytes(_archive(PARTS))
    assert runtime.of(tmp_path / "given.tgz") == MADE
    assert runtime.of(_laid(tmp_path / "package", PARTS)) == MADE


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (PARTS | {"package.json": b'{"name": "left-pad"}'}, "its name is left-pad"),
        ({"package.json": PARTS["package.json"]}, r"ort\.wasm\.bundle"),
        (PARTS | {"package.json": b"{"}, "Expecting property name"),
    ],
)
def test_another_package_is_refused(parts: dict[str, bytes], said: str, tmp_path: Path) -> None:
    (tmp_path / "given.tgz").write_bytes(_archive(parts))
    for path in (tmp_path / "given.tgz", _laid(tmp_path / "package", parts)):
        with pytest.raises(EngineError, match=rf"is not the npm package onnxruntime-web \(.*{said}.*give its \.tgz"):
            runtime.of(path)


def test_what_is_no_archive_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "given.tgz").write_bytes(b"no archive")
    for name in ("given.tgz", "nowhere"):
        with pytest.raises(EngineError, match="is not the npm package onnxruntime-web"):
            runtime.of(tmp_path / name)


def test_npm_is_asked_once_for_the_tested_version(npm: list[list[str]]) -> None:
    assert runtime.of(None) == runtime.of(None) == MADE
    (command,) = npm
    assert command[:3] == ["/bin/npm", "pack", f"onnxruntime-web@{runtime.VERSION}"]


def test_another_archive_under_the_same_name_is_refused(npm: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SHA512", "another")
    for _ in range(2):
        with pytest.raises(EngineError, match=r"npm gave another onnxruntime-web .* than the known one"):
            runtime.of(None)
    assert len(npm) == 2  # it was not kept


def test_without_npm_or_network_it_is_said_what_to_do(npm: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise subprocess.CalledProcessError(1, "npm")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(EngineError, match=r"npm cannot fetch it: .*`npm pack onnxruntime-web@.*give the \.tgz as `run"):
        runtime.of(None)
    monkeypatch.setattr(runtime.shutil, "which", lambda _: None)  # type: ignore[attr-defined]
    with pytest.raises(EngineError, match=r"there is no npm to fetch it with: .*give the \.tgz as `runtime`"):
        runtime.of(None)
