"""The head of a network says what the network says."""

import numpy as np

from goodsight.heads.network import Network
from goodsight.heads.scaler import Scaler


def test_scores_are_the_networks_own() -> None:
    vectors = np.arange(20, dtype=np.float16).reshape(4, 5)
    head = Network.of(Scaler.none(5), slice(2, 4))
    assert head.setting.kind == "network"
    assert head(vectors).dtype == np.float32
    assert (head(vectors) == vectors[:, 2:4]).all()
