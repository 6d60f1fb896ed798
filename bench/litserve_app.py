"""LitServe with the same ONNX network, the same engine and the same decoder, for comparison; run by bench/service.py.

Decoding is in ``decode_request`` and batches form within 5 ms, as LitServe's documentation shows; on this processor one
worker is as quick as two (95 photos/s each, on two cores), and three are slower.
"""

import argparse
from pathlib import Path
from typing import Any

import litserve as ls  # type: ignore[import-not-found]
import numpy as np
from fastapi import Request

import goodsight
from goodsight.catalog.rows import Row
from goodsight.model import verdicts
from goodsight.photos import decoder


class Api(ls.LitAPI):  # type: ignore[misc]
    """Decode, batch, predict."""

    def setup(self, device: str) -> None:
        self.loaded = goodsight.load(self.folder)

    def decode_request(self, request: Request) -> Any:
        data = request["image"].file.read()
        return decoder.decode(data, self.loaded.model.backbone.resize, self.loaded.model.limits)

    def predict(self, pixels: Any) -> Any:
        vectors = self.loaded.engine.submit(np.stack(pixels)).result().astype(np.float16)
        return verdicts.answers(self.loaded.model, [Row("", Path())] * len(pixels), vectors)

    def unbatch(self, output: Any) -> Any:
        return list(output)

    def encode_response(self, prediction: Any) -> Any:
        return {"class": prediction.label, "probability": prediction.probability, "verdict": prediction.verdict}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    api = Api(max_batch_size=16, batch_timeout=0.005)
    api.folder = options.model  # the worker is a process of its own
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False, log_level="error")
