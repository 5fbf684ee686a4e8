"""What bfloat16 would do to the face networks' answers, on a processor that has none: emulated.

    network ─ every constant and every layer's output rounded to 8 bits of mantissa ─▶ the same network, run in float32
    both on photographs ─▶ how far vectors turn · how far scores and landmarks move

    python -m benchmarks.bfloat16 ../shared/eval

Rounding after each layer is what such a processor does, which adds up within a layer in float32; fused layers round less
often. It says nothing of speed. `detector.precision` makes the choice on a real one.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from api.settings import load_settings
from benchmarks.figures import machine_name
from data.weights import WeightsCache
from detector.precision import difference, faces_probe

LAYERS = frozenset(
    {"Convolution", "GroupConvolution", "MatMul", "Add", "Multiply", "PRelu", "Relu", "Sigmoid"}
) | {
    "MaxPool",
    "BatchNormInference",
    "Subtract",
    "Divide",
}
SPLIT = np.float32(2**16 + 1)
"""Veltkamp's split: x·c - (x·c - x) keeps the upper 8 bits of a float32's mantissa, in a way no compiler undoes."""

STRIDES = (8, 16, 32)
FACE = 0.6
Outputs = Mapping[str, NDArray[np.float32]]


def main() -> None:
    options = _options()
    print(f"machine: {machine_name()}; options: {vars(options)}")
    weights = WeightsCache(load_settings({}, Path.cwd()).settings.cache_dir)
    pictures = [
        cv2.imread(str(path)) for path in sorted(options.folder.glob("lfw/**/*.jpg"))[: options.pictures]
    ]
    crops = np.stack([cv2.resize(picture[60:190, 60:190], (112, 112)) for picture in pictures])
    sface = weights.ensure("sface")
    for name, batch in (("photographs", _planes(crops)), ("the probe", faces_probe())):
        exact, rounded = _both(sface, (-1, 3, 112, 112), batch)
        turned = difference(next(iter(exact.values())), next(iter(rounded.values())))
        print(f"SFace, {len(batch)} crops of {name}: no vector turns by more than {turned:.1e}")
    moves = [_moved(weights.ensure("yunet"), picture) for picture in pictures]
    score, pixels = np.nanmax(moves, axis=0)
    print(
        f"YuNet, {len(pictures)} photographs at 320 pixels: scores move by {score:.3f}, landmarks by {pixels:.2f} pixels"
    )


def _planes(pictures: NDArray[Any]) -> NDArray[np.float32]:
    return pictures.transpose(0, 3, 1, 2).astype(np.float32)


def _both(path: Path, shape: tuple[int, ...], batch: NDArray[np.float32]) -> tuple[Outputs, Outputs]:
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(openvino.PartialShape(list(shape)))
    return _run(core, model.clone(), batch), _run(core, _rounding(model), batch)


def _run(core: Any, model: Any, batch: NDArray[np.float32]) -> Outputs:
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {name: np.array(value) for port, value in compiled(batch).items() for name in port.get_names()}


def _rounding(model: Any) -> Any:
    for layer in model.get_ordered_ops():
        if layer.get_type_name() == "Constant" and layer.get_element_type() == openvino.Type.f32:
            _replace(layer.output(0), ops.constant(_rounded(layer.data)))
        elif layer.get_type_name() in LAYERS and layer.output(0).get_element_type() == openvino.Type.f32:
            readers = list(layer.output(0).get_target_inputs())
            split = ops.multiply(layer.output(0), ops.constant(SPLIT))
            upper = ops.subtract(split, ops.subtract(split, layer.output(0)))
            for reader in readers:
                reader.replace_source_output(upper.output(0))
    return model


def _replace(output: Any, other: Any) -> None:
    for reader in list(output.get_target_inputs()):
        reader.replace_source_output(other.output(0))


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """To the nearest bfloat16, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + ((bits >> 16) & 1) + 0x7FFF) & 0xFFFF0000).view(np.float32)


def _moved(path: Path, picture: NDArray[Any]) -> tuple[float, float]:
    """How far a score and a landmark of a face move, the landmark in pixels; not a number where no face is found."""
    side = _planes(cv2.resize(picture, (320, 320))[None])
    exact, rounded = _both(path, (1, 3, 320, 320), side)
    found = [_moved_at(exact, rounded, stride) for stride in STRIDES]
    seen = [one for one in found if one is not None]
    return (max(one[0] for one in seen), max(one[1] for one in seen)) if seen else (np.nan, np.nan)


def _moved_at(exact: Outputs, rounded: Outputs, stride: int) -> tuple[float, float] | None:
    one, other = _scores(exact, stride), _scores(rounded, stride)
    faces = one > FACE
    if not faces.any():
        return None
    points = np.abs(exact[f"kps_{stride}"] - rounded[f"kps_{stride}"])[0, faces]
    return float(np.abs(one - other)[faces].max()), float(points.max() * stride)


def _scores(outputs: Outputs, stride: int) -> NDArray[np.float32]:
    both = [np.clip(outputs[f"{kind}_{stride}"][0, :, 0], 0, 1) for kind in ("cls", "obj")]
    return np.sqrt(both[0] * both[1])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the evaluation pictures")
    parser.add_argument("--pictures", type=int, default=24)
    return parser.parse_args()


if __name__ == "__main__":
    main()
