"""An ONNX network as a callable: OpenVINO or ONNX Runtime behind one interface. One of the two is installed."""

from __future__ import annotations

import importlib.util
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from goodsight.arrays import Array, Pixels
from goodsight.errors import EngineError, did_you_mean

ENGINES = ("openvino", "onnxruntime")
"""The one that is there and comes first is used: OpenVINO is two to four times as fast on x86."""


class Engine(Protocol):
    """Runs one network. ``submit`` may be called again before earlier batches are done."""

    name: str
    precision: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the network's outputs; ``submit`` answers with the first."""

    def submit(self, pixels: Pixels) -> Future[Array]:
        """Start a batch. The engine must be kept until the answer is there.

        Args:
            pixels: uint8 RGB, shape (n, height, width, 3), as the network's resize rule asks.

        Returns:
            A future of float32 embeddings (n, dimensions).

        """

    def explained(self, pixels: Pixels) -> dict[str, Array]:
        """All outputs of a batch by name, as float32: slower, and made ready on the first call only."""

    def close(self) -> None:
        """Wait for what was submitted and free the network."""


def run(engine: Engine, pixels: Pixels, batch: int = 16) -> Array:
    """What the network makes of photos (n, height, width, 3), any number of them, in batches."""
    answers = [engine.submit(pixels[i : i + batch]) for i in range(0, len(pixels), batch)]
    return np.concatenate([answer.result() for answer in answers])


def start(network: Path, *, engine: str = "", precision: str = "") -> Engine:
    """Load a network.

    Args:
        network: an ONNX file whose one input is uint8 RGB (n, h, w, 3) and whose first output is (n, dimensions).
        engine: "openvino" or "onnxruntime"; '' takes ``GOODSIGHT_ENGINE``, or the first that is installed.
        precision: "bf16" or "f32" for OpenVINO; '' takes bf16 where the processor has it.

    Raises:
        EngineError: unknown engine, it is not installed, or the network cannot be loaded.

    """
    engine = engine or os.environ.get("GOODSIGHT_ENGINE") or preferred()
    if engine not in ENGINES:
        raise EngineError(
            f"engine {engine!r} is not known; use one of {', '.join(ENGINES)}.{did_you_mean(engine, ENGINES)}"
        )
    if not _is_there(engine):
        raise EngineError(f"the engine {engine} is not installed: `pip install {engine}`")
    try:
        return _OpenVino(network, precision) if engine == "openvino" else _OnnxRuntime(network)
    except Exception as error:  # each engine has its own error types; the user needs the file and the reason
        raise EngineError(f"{network}: {engine} cannot load this network: {error}") from error


def preferred() -> str:
    """The engine that is used when nobody asks for one."""
    return next((name for name in ENGINES if _is_there(name)), ENGINES[0])


def _is_there(engine: str) -> bool:
    return importlib.util.find_spec(engine) is not None


class _OpenVino:
    """Asynchronous inference on as many streams as OpenVINO thinks best for throughput.

    The network is compiled for the first batch: a run that finds every photo in the cache does without.
    """

    name = "openvino"

    def __init__(self, network: Path, precision: str) -> None:
        import openvino as ov

        core = ov.Core()
        if not precision:
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        self.precision = precision
        self._core, self._network = core, core.read_model(str(network))
        self.outputs = tuple(output.get_any_name() for output in self._network.outputs)
        shape = self._network.input(0).get_partial_shape()
        self._shape = tuple(d.get_length() if d.is_static else None for d in shape)[1:]
        self._lock = threading.Lock()
        self._queue: Any = None
        self._explaining: Any = None

    def _compile(self, network: Any, hint: str) -> Any:
        hints = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": self.precision}
        return self._core.compile_model(network, "CPU", hints)

    def _start_queue(self) -> Any:
        import openvino as ov

        # With the first output alone: the others would be worked out for every photo, wanted or not.
        first = ov.Model(self._network.get_results()[:1], self._network.get_parameters())
        queue = ov.AsyncInferQueue(self._compile(first, "THROUGHPUT"))
        queue.set_callback(self._done)
        return queue

    @staticmethod
    def _done(request: Any, future: Future[Array]) -> None:
        # The request's memory is used again for the next batch, so the answer is copied out here.
        future.set_result(np.array(request.get_output_tensor(0).data, np.float32))

    def submit(self, pixels: Pixels) -> Future[Array]:
        # A batch that does not fit would fail in the queue's own thread, and its future would never be done.
        _require_shape(pixels, self._shape)
        with self._lock:
            self._queue = self._queue or self._start_queue()
        future: Future[Array] = Future()
        self._queue.start_async({0: pixels}, future)
        return future

    def explained(self, pixels: Pixels) -> dict[str, Array]:
        _require_shape(pixels, self._shape)
        with self._lock:
            self._explaining = self._explaining or self._compile(self._network, "LATENCY")
            found = self._explaining({0: pixels})
            return {name: np.array(found[i], np.float32) for i, name in enumerate(self.outputs)}

    def close(self) -> None:
        if self._queue:
            self._queue.wait_all()


class _OnnxRuntime:
    """One batch at a time, on all processors."""

    name = "onnxruntime"
    precision = "f32"

    def __init__(self, network: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._shape = tuple(d if isinstance(d, int) else None for d in self._session.get_inputs()[0].shape)[1:]
        self.outputs = tuple(output.name for output in self._session.get_outputs())
        self._first_alone = ort.RunOptions()
        self._first_alone.only_execute_path_to_fetches = True
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="goodsight-engine")

    def submit(self, pixels: Pixels) -> Future[Array]:
        _require_shape(pixels, self._shape)
        return self._pool.submit(self._run, pixels)

    def _run(self, pixels: Pixels) -> Array:
        found = self._session.run(self.outputs[:1], {self._input: pixels}, self._first_alone)
        return np.asarray(found[0], np.float32)

    def explained(self, pixels: Pixels) -> dict[str, Array]:
        _require_shape(pixels, self._shape)
        found = self._session.run(self.outputs, {self._input: pixels})
        return {name: np.asarray(one, np.float32) for name, one in zip(self.outputs, found, strict=True)}

    def close(self) -> None:
        self._pool.shutdown()


def _require_shape(pixels: Pixels, shape: tuple[int | None, ...]) -> None:
    if any(wanted not in {None, found} for wanted, found in zip(shape, pixels.shape[1:], strict=True)):
        raise EngineError(f"the network takes photos of {shape} (height, width, colours), not {pixels.shape[1:]}")
