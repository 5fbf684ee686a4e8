"""Run one ONNX network on the CPU through OpenVINO.

A `Network` costs nothing until its first run: then it is read, given its dynamic shape and compiled, under
a lock. It runs from many threads at once; each thread has its own inference request, and the requests
share one stream per core, so that a pool of threads over pictures keeps every core busy without one
inference being split over cores. Precision is float32, or bfloat16 where a probe is given and both agree on it
(`detector.precision`).
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from detector.compiled import CompiledCache
from detector.errors import WeightsError
from detector.precision import CAPABILITY, PINNED, Choice, Precision, Probe, Vectors, choose

logger = logging.getLogger(__name__)

Tensor = NDArray[np.float32]


def cores() -> int:
    """Cores that this process may use (affinity and not the machine's number)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_core_a_call() -> None:
    """Keep OpenCV from spreading single calls over threads of its own, for the whole process.

    A scan keeps every core busy with a worker each; OpenCV's threads would take cores away from them, and wait for
    work by spinning.
    """
    import cv2  # noqa: PLC0415 - as slow to load as NumPy, and not every command looks at pictures

    cv2.setNumThreads(1)


_FIRST_USE = threading.Lock()


def _openvino() -> Any:
    """OpenVINO, after one thread alone has made it load its numpy binding.

    The binding is set up on first use under a C++ lock that is waited for with the interpreter lock held: two
    threads whose first inferences meet there wait for each other for ever.
    """
    with _FIRST_USE:
        import openvino  # noqa: PLC0415 - half a second that only a first inference should cost

        openvino.Tensor(np.zeros(1, np.dtype(openvino.Type.f32.to_dtype())))
    return openvino


class Network:
    """One network with one input. `shape` is the input's shape, -1 where it varies, `dtype` its type. `model`
    is the path of a file that OpenVINO reads (ONNX or its own), or a model object of OpenVINO's. Raises
    WeightsError on first use if the file cannot be read.

    `pictures`: the network, which wants float planes (n, 3, height, width), is fed bytes (n, height, width, 3)
    and makes planes of them itself, which is several times faster than NumPy. `cache` keeps the compiled
    form of a network that comes from a file. `probe`: the network may run in bfloat16 where it agrees on this."""

    def __init__(
        self,
        model: Path | Any,
        shape: tuple[int, ...],
        *,
        threads: int | None = None,
        dtype: DTypeLike = np.float32,
        pictures: bool = False,
        cache: CompiledCache | None = None,
        probe: Probe | None = None,
    ) -> None:
        self._model = model
        self._shape = shape
        self._pictures = pictures
        self._cache = cache
        self._probe = probe
        self._choice = PINNED
        self._dtype = np.dtype(np.uint8 if pictures else dtype)
        self._threads = threads or cores()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._compiled: Any = None

    def load(self) -> None:
        """Compile now instead of at the first run."""
        with self._lock:
            if self._compiled is None:
                self._compiled = self._compile()

    @property
    def choice(self) -> Choice:
        """The precision it runs in, and why. Compiles it if it wasn't yet."""
        self.load()
        return self._choice

    def run(self, batch: NDArray[Any]) -> Mapping[str, Tensor]:
        """Outputs by name, as copies. `batch` is C-contiguous, of this network's shape and type."""
        request = self._request()
        results = request.infer([np.ascontiguousarray(batch, self._dtype)], share_inputs=True)
        return {name: np.array(value) for port, value in results.items() for name in port.get_names()}

    def _request(self) -> Any:
        if not hasattr(self._local, "request"):
            self.load()
            self._local.request = self._compiled.create_infer_request()
        return self._local.request

    def _compile(self) -> Any:
        openvino = _openvino()
        core = openvino.Core()
        self._choice = PINNED if self._probe is None else self._chosen(openvino, core, self._probe)
        if self._cache is None or not isinstance(self._model, Path):
            return self._compile_anew(openvino, core)
        name, key = self._named(openvino, core)
        kept = self._cache.read(name, key)
        if kept is not None:
            try:
                return core.import_model(io.BytesIO(kept), "CPU", self._options())
            except RuntimeError:
                logger.info(
                    "the compiled form of %s does not fit any more; it is compiled anew", self._model.name
                )
        compiled = self._compile_anew(openvino, core)
        exported = io.BytesIO()
        compiled.export_model(exported)
        self._cache.keep(name, key, exported.getvalue())
        return compiled

    def _chosen(self, openvino: Any, core: Any, probe: Probe) -> Choice:
        """Asked for once per machine where there is a cache."""
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if self._cache is None or not isinstance(self._model, Path) or CAPABILITY not in capabilities:
            return choose(capabilities, lambda precision: self._asked(openvino, core, probe, precision))
        name, key = self._named(openvino, core)
        kept = self._cache.read(f"precision-{name}", key)
        if kept is not None:
            precision, _, why = kept.decode().partition(" ")
            return Choice(Precision(precision), why)
        choice = choose(capabilities, lambda precision: self._asked(openvino, core, probe, precision))
        self._cache.keep(f"precision-{name}", key, f"{choice.precision} {choice.why}".encode())
        return choice

    def _asked(self, openvino: Any, core: Any, probe: Probe, precision: Precision) -> Vectors:
        compiled = self._compile_anew(openvino, core, precision)
        results = compiled([probe.batch])
        found = results[compiled.output(probe.output or 0)]
        return np.array(found, np.float32).reshape(len(probe.batch), -1)

    def _named(self, openvino: Any, core: Any) -> tuple[str, str]:
        """What the compiled form is called, and all that it depends on."""
        shape = "x".join("n" if length < 0 else str(length) for length in self._shape)
        device = (
            core.get_property("CPU", "FULL_DEVICE_NAME"),
            core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        )
        parts = (
            self._file_sha256(),
            shape,
            self._dtype,
            self._pictures,
            self._options(),
            openvino.__version__,
            device,
        )
        return f"{Path(self._model).stem}-{shape}", " ".join(map(str, parts))

    def _file_sha256(self) -> str:
        """Of the file, and of the one beside it where OpenVINO's own format keeps the weights."""
        weights = Path(self._model).with_suffix(".bin")
        try:
            content = [Path(self._model).read_bytes(), weights.read_bytes() if weights.exists() else b""]
        except OSError as fault:
            raise self._unreadable() from fault
        return hashlib.sha256(b"".join(content)).hexdigest()

    def _compile_anew(self, openvino: Any, core: Any, precision: Precision | None = None) -> Any:
        model = self._read(core) if isinstance(self._model, Path) else self._model.clone()
        model.reshape(openvino.PartialShape(list(self._shape)))
        if self._pictures:
            model = _fed_with_pictures(model)
        return core.compile_model(model, "CPU", self._options(precision))

    def _read(self, core: Any) -> Any:
        try:
            return core.read_model(self._model)
        except RuntimeError as fault:
            raise self._unreadable() from fault

    def _unreadable(self) -> WeightsError:
        return WeightsError(
            f"{self._model} is not a network that can be read; delete it and run `lookalike weights pull`"
        )

    def _options(self, precision: Precision | None = None) -> dict[str, object]:
        return {
            "INFERENCE_PRECISION_HINT": str(precision or self._choice.precision),
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": self._threads,
        }


def _fed_with_pictures(model: Any) -> Any:
    """The same network with bytes (n, height, width, 3) as its input."""
    from openvino import Layout, Type  # noqa: PLC0415 - see `_openvino`
    from openvino.preprocess import PrePostProcessor  # noqa: PLC0415 - as above

    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    return steps.build()
