"""The network's own names for photos, and how likely each is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from goodsight.backbones.backbone import Backbone, Block
from goodsight.backbones.names import common_names, imagenet_names, name_chances
from goodsight.photos.resize import Resize

NAMED = Backbone("named", Path("n.onnx"), "0" * 64, Resize(224), (Block("head", 2, 1.0), Block("imagenet", 1000, 1.0)))


def test_a_photo_is_called_what_its_logits_say() -> None:
    vectors = np.zeros((2, 1002), np.float16)
    vectors[0, 2 + 530] = vectors[1, 2] = 30
    assert common_names(NAMED, vectors) == [imagenet_names()[530], imagenet_names()[0]]
    chances = name_chances(NAMED, vectors)
    assert chances is not None
    assert chances.argmax(axis=1).tolist() == [530, 0]
    assert chances.sum(axis=1) == pytest.approx([1, 1])
    assert chances[0, 530] > 0.99


def test_large_logits_do_not_overflow() -> None:
    chances = name_chances(NAMED, np.full((1, 1002), 60000, np.float16))
    assert chances is not None
    assert chances[0, 0] == pytest.approx(0.001)


def test_a_network_without_names_has_none() -> None:
    plain = replace(NAMED, blocks=NAMED.blocks[:1])
    assert common_names(plain, np.zeros((2, 2))) == ["", ""]
    assert name_chances(plain, np.zeros((2, 2))) is None
