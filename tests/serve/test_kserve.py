"""The Open Inference Protocol as a client of somebody else's speaks it: tritonclient, in JSON and in bytes."""

import base64
from collections.abc import Iterator
from pathlib import Path

import loopback
import numpy as np
import pytest

pytest.importorskip("tritonclient.http", reason="needs tritonclient: pip install 'tritonclient[http]'")

import urllib.error
import urllib.request

from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

import goodsight
from goodsight.model.record import LoadedModel

KINDS = ("bag", "mug", "shoe")


@pytest.fixture(scope="module")
def client(running: loopback.Running) -> Iterator[InferenceServerClient]:
    made = InferenceServerClient(f"127.0.0.1:{running.port}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def photos(sound: dict[str, list[Path]]) -> list[Path]:
    return [sound[kind][1] for kind in KINDS]


def _input(values: list[bytes], *, binary: bool) -> InferInput:
    made = InferInput("image", [len(values)], "BYTES")
    made.set_data_from_numpy(np.array(values, dtype=np.object_), binary_data=binary)
    return made


def test_a_client_learns_what_to_send_and_what_comes(client: InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("m")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    found = client.get_model_metadata("m")
    assert found["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert [(one["name"], one["datatype"], one["shape"]) for one in found["outputs"]] == [
        ("label", "BYTES", [-1]),
        ("verdict", "BYTES", [-1]),
        ("probability", "FP32", [-1]),
        ("probabilities", "FP32", [-1, 4]),
        ("policy", "BYTES", [-1]),
        ("action", "BYTES", [-1]),
    ]


@pytest.mark.parametrize("binary", [True, False])
def test_a_batch_is_answered_as_by_the_command_line(
    client: InferenceServerClient, loaded: LoadedModel, photos: list[Path], *, binary: bool
) -> None:
    sent = [path.read_bytes() if binary else base64.b64encode(path.read_bytes()) for path in photos]
    names = ["label", "probability", "probabilities"]
    every = ["label", "verdict", *names[1:], "policy", "action"]
    # Without a list the client wants all outputs, as bytes.
    wanted = None if binary else [InferRequestedOutput(name, binary_data=False) for name in names]
    said = client.infer(
        "m", [_input(sent, binary=binary)], outputs=wanted, request_id="seven", parameters={"seller": "ann", "n": 3}
    )
    answer = said.get_response()
    assert (answer["id"], answer["parameters"], answer["model_name"]) == ("seven", {"seller": "ann", "n": 3}, "m")
    assert [one["name"] for one in answer["outputs"]] == (every if binary else names)
    assert ("data" in answer["outputs"][0]) != binary
    expected = [next(iter(goodsight.classify(loaded, path))) for path in photos]
    labels = [label.decode() if binary else label for label in said.as_numpy("label")]
    assert labels == list(KINDS) == [one.label for one in expected]
    found = said.as_numpy("probabilities")
    assert (found.dtype, found.shape) == (np.float32, (3, 4))
    assert found == pytest.approx(np.stack([one.answers[0].probabilities for one in expected]), abs=0.05)
    assert said.as_numpy("probability") == pytest.approx(found.max(axis=1))


def test_what_cannot_be_answered_is_refused(client: InferenceServerClient, photos: list[Path]) -> None:
    data = photos[0].read_bytes()
    with pytest.raises(InferenceServerException, match="the outputs are label, verdict"):
        client.infer("m", [_input([data], binary=True)], outputs=[InferRequestedOutput("embedding")])
    with pytest.raises(InferenceServerException, match="not 1 to 16 photos"):
        client.infer("m", [_input([data] * 17, binary=True)])
    with pytest.raises(InferenceServerException, match="not a picture"):
        client.infer("m", [_input([b"junk"], binary=True)])


@pytest.mark.parametrize(
    ("head", "tail", "told"),
    [
        ("999", b"", "Inference-Header-Content-Length '999': must be the bytes of the JSON"),
        ("-1", b"", "Inference-Header-Content-Length '-1'"),
        ("", b"\0\0\0\0", "has no data, and 4 bytes are behind the JSON"),
        ("size", b"\xff\xff\xff\xff", "bytes are not 1 to 16 photos"),
        ("size", b"\4\0\0\0ab", "bytes are not 1 to 16 photos"),
    ],
)
def test_bytes_that_lie_about_themselves_are_problems(
    running: loopback.Running, head: str, tail: bytes, told: str
) -> None:
    size = f', "parameters": {{"binary_data_size": {len(tail)}}}' if head == "size" else ""
    body = f'{{"inputs": [{{"name": "image", "datatype": "BYTES", "shape": [1]{size}}}]}}'.encode()
    length = head if head not in ("", "size") else str(len(body))
    headers = {"Inference-Header-Content-Length": length}
    asked = urllib.request.Request(f"{running.url}/v2/models/m/infer", body + tail, headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    assert refused.value.code == 422
    assert told in refused.value.read().decode()
