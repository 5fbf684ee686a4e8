"""The teacher: SSCD (Meta, MIT) as the int8 ONNX file of its public package, run by OpenVINO."""

from pathlib import Path

import cv2
import numpy as np
import openvino as ov

Pixels = np.ndarray  # uint8 [height, width, 3], RGB


class Teacher:
    """Embeds pictures squashed to a square of `side` pixels."""

    def __init__(self, onnx: Path, side: int, threads: int = 2) -> None:
        model = ov.Core().read_model(onnx)
        model.reshape([1, side, side, 3])
        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        self._request = ov.Core().compile_model(model, "CPU", options).create_infer_request()
        self.side = side

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Unit vector, float32 [512]."""
        square = cv2.resize(pixels, (self.side, self.side), interpolation=cv2.INTER_AREA)
        output = next(iter(self._request.infer([square[None]]).values()))[0]
        vector = np.asarray(output, dtype=np.float32)
        return vector / np.linalg.norm(vector)
