"""The ONNX graph computes what the same network does in torch."""

from pathlib import Path

import numpy as np
import pytest
from lite0_in_torch import Reference

from goodsight.arrays import Pixels
from goodsight.backbones import colour, lite0, lite0_graph, torch_onnx
from goodsight.backbones.engine import start

OUTPUTS = ("embedding", *(f"places.{name}" for name in lite0.PLACES))


def _pixels(side: int) -> Pixels:
    coarse = np.random.default_rng(0).integers(0, 256, (3, side // 8, side // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


@pytest.mark.parametrize(
    ("size", "views", "colours", "grey"),
    [(224, 1, False, False), (224, 2, True, False), (96, 1, False, True), (160, 2, False, False)],
)
def test_the_graph_computes_what_torch_exports(
    size: int, views: int, colours: bool, grey: bool, tmp_path: Path
) -> None:
    """Not bit for bit: torch takes the roots of the batch norms with its own routine, an ulp off in places."""
    made, exported = tmp_path / "made.onnx", tmp_path / "exported.onnx"
    side = lite0.side(size, views)
    lite0_graph.write(made, size, views, colours=colours, grey=grey)
    torch_onnx.write(Reference(size, views, colours=colours, grey=grey), side, exported, OUTPUTS[1:])
    found, expected = (start(path, engine="onnxruntime").explained(_pixels(side)) for path in (made, exported))
    assert tuple(found) == tuple(expected) == OUTPUTS
    for name in OUTPUTS:
        assert found[name].shape == expected[name].shape
        assert np.abs(found[name] - expected[name]).max() <= 1e-5 * max(1, np.abs(expected[name]).max()), name
    width = sum(block.width for block in lite0.BLOCKS) + (colour.WIDTH if colours or grey else 0)
    assert found["embedding"].shape == (3, width)
    assert found["places.head"].shape == (3, views, size // 32, size // 32, 1280)


@pytest.mark.parametrize("views", [1, 2])
def test_places_are_what_blocks_are_pooled_from(views: int, tmp_path: Path) -> None:
    lite0_graph.write(tmp_path / "n.onnx", 224, views)
    found = start(tmp_path / "n.onnx", engine="onnxruntime").explained(_pixels(lite0.side(224, views)))
    begins = np.cumsum([0] + [block.width for block in lite0.BLOCKS]).tolist()
    for block, begin in zip(lite0.BLOCKS, begins, strict=False):
        if block.name in lite0.PLACES:
            places = found[f"places.{block.name}"]
            pooled = places.std(axis=(2, 3)) if block.name == "std15" else places.mean(axis=(2, 3))
            columns = found["embedding"][:, begin : begin + block.width]
            assert np.allclose(pooled.mean(axis=1), columns, atol=2e-3), block.name


def test_the_same_file_is_written_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        lite0_graph.write(tmp_path / name, 64, colours=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
