"""EfficientNet-Lite0 as an ONNX graph; see :mod:`goodsight.backbones.lite0`.

Each batch norm is folded into the convolution before it. The tests hold the graph against the same network in torch.
"""

from __future__ import annotations

from pathlib import Path

from goodsight.backbones import colour
from goodsight.backbones.graph import FLOATS, Graph, Value, joined
from goodsight.backbones.lite0 import BLOCKS, BOTTLENECKS, COLOUR, PLACES, STRIDE, padding, side
from goodsight.backbones.lite0_weights import folded, read

_MOST = 6.0
"""Of ReLU6."""


def write(path: Path, size: int, views: int = 1, *, colours: bool = False, grey: bool = False) -> None:
    """Write the network: uint8 RGB (n, side, side, 3) in, float32 embedding (n, width) out.

    Further outputs, one for each block of :data:`PLACES`, are what the block is pooled from, see
    :mod:`goodsight.model.evidence`: ``places.BLOCK``, float32 (n, views, height, width, channels).

    Args:
        path: of the file.
        size: side of the square that the network looks at, in pixels.
        views: 1, or 2 to look at the centre as well; the embedding is the mean.
        colours: the embedding ends in :data:`COLOUR`.
        grey: the same, but the photo is looked at without its colours.

    Raises:
        EngineError: the weights package is not installed, or holds another file.

    """
    graph = Graph(side(size, views))
    pixels = _greyed(graph) if grey else graph.add("Cast", graph.pixels, to=FLOATS)
    photos = _views((pixels.turned(0, 3, 1, 2) - 127) / 128, size, views)
    network = _Network(graph, size)
    maps = network.maps(photos)
    answers = network.answers(maps["head"].mean(2, 3))
    columns = [answers if block.name == "imagenet" else _pooled(block.name, maps) for block in BLOCKS]
    width = sum(block.width for block in BLOCKS)
    if colours or grey:
        columns.append(colour.block(photos * 128 + 127, network.evidence(answers, maps["head"]), size))
        width += COLOUR.width
    embedding = joined(columns, 1).reshaped(views, -1, width).mean(0)
    graph.output(embedding, "embedding", [width])
    places = size // STRIDE
    for block in (block for block in BLOCKS if block.name in PLACES):
        shape = [views, places, places, block.width]
        graph.output(network.places(maps, block.name, views), f"places.{block.name}", shape)
    graph.write(path)


def _greyed(graph: Graph) -> Value:
    """The photos (n, side, side, 3) without their colours, rounded: as they would be read from a grey file."""
    pixels = graph.add("Cast", graph.pixels, to=FLOATS)
    red, green, blue = (pixels.take(3, [channel]) for channel in range(3))
    # How bright each looks (ITU-R BT.601).
    light = graph.add("Round", red * 0.299 + green * 0.587 + blue * 0.114)
    return joined([light, light, light], 3)


def _views(photos: Value, size: int, views: int) -> Value:
    """The photos (n, 3, side, side) as they are, or all of them scaled down and then the middle of each."""
    if views == 1:
        return photos
    edge = (side(size, views) - size) // 2
    return joined([photos.scaled(size), photos.cut(edge, edge + size, 2, 3)], 0)


def _pooled(block: str, maps: dict[str, Value]) -> Value:
    """The mean of a block's maps over positions, or their standard deviation."""
    found = maps[block]
    if not block.startswith("std"):
        return found.mean(2, 3)
    return (((found - found.mean(2, 3, keep=True)) ** 2).mean(2, 3) + 1e-6).sqrt()


class _Network:
    """The layers, for photos of one size."""

    def __init__(self, graph: Graph, size: int) -> None:
        self._graph, self._size, self._weights = graph, size, read()
        self._fc, self._fc_bias = (graph.weight(self._weights[name], name) for name in ("_fc.weight", "_fc.bias"))

    def maps(self, x: Value) -> dict[str, Value]:
        """The maps that blocks of the embedding are pooled from, of photos (n, 3, size, size) around zero."""
        maps: dict[str, Value] = {}
        side = self._size
        x, side = self._conv(x, "_conv_stem", "_bn0", side, 2).clip(0, _MOST), -(-side // 2)
        for number, layers in enumerate(BOTTLENECKS):
            name, wide, stride = f"_blocks.{number}", x, layers.stride
            if layers.expansion != 1:
                wide = self._conv(wide, f"{name}._expand_conv", f"{name}._bn0", side).clip(0, _MOST)
            wide = self._conv(wide, f"{name}._depthwise_conv", f"{name}._bn1", side, stride).clip(0, _MOST)
            out = self._conv(wide, f"{name}._project_conv", f"{name}._bn2", side)
            x, side = out + x if layers.skips else out, -(-side // stride)
            maps |= {f"std{number}": x, f"wide{number}": wide}
        maps["head"] = self._conv(x, "_conv_head", "_bn1", side).clip(0, _MOST)
        return maps

    def _conv(self, x: Value, layer: str, norm: str, side: int, stride: int = 1) -> Value:
        """A convolution and its norm; it looks at each channel alone where it takes one only."""
        weight, bias = folded(self._weights, layer, norm)
        outputs, inputs, kernel, _ = weight.shape
        before, after = padding(side, kernel, stride)
        return self._graph.add(
            "Conv",
            x,
            self._graph.weight(weight, f"{layer}.weight"),
            self._graph.weight(bias, f"{layer}.bias"),
            group=outputs if inputs == 1 else 1,
            kernel_shape=[kernel, kernel],
            pads=[before, before, after, after],
            strides=[stride, stride],
        )

    def answers(self, features: Value) -> Value:
        """The logits (n, 1000) of pooled features (n, 1280)."""
        return self._graph.add("Gemm", features, self._fc, self._fc_bias, transB=1)

    def evidence(self, answers: Value, last: Value) -> Value:
        """Where the network sees what it says (n, h, w), from 0 to 1: its last maps, mixed as it answers."""
        mixed = self._graph.add("Softmax", answers, axis=1) @ self._fc
        evidence = self._graph.add("Relu", (mixed.opened(2, 3) * last).sum(1))
        return evidence / (evidence.most(1, 2) + 1e-6)

    def places(self, maps: dict[str, Value], block: str, views: int) -> Value:
        """What a block is pooled from: (n, views, height, width, channels)."""
        side = self._size // STRIDE
        if block == "imagenet":
            # As one list of places, so that the file holds the layer's weights once.
            features = self.places(maps, "head", views).reshaped(-1, 1280)
            return self.answers(features).reshaped(-1, views, side, side, 1000)
        channels = next(one.width for one in BLOCKS if one.name == block)
        return maps[block].turned(0, 2, 3, 1).reshaped(views, -1, side, side, channels).turned(1, 0, 2, 3, 4)
