"""Our own image tower, built for OpenVINO from its open_clip folder, without torch.

    open_clip_model.safetensors ─ arrays ─▶ EfficientNet-Lite0 layer by layer ─▶ OpenVINO model for `SquareNetwork`

The folder is the only form in which the weights are kept; open_clip loads the same file. Norms are folded into the
convolutions before them. What the weights' shapes don't tell is in two constants: each stage's stride, and the norms'
epsilon. `training/` makes the folder. Architecture: Tan and Le, 2019, https://arxiv.org/abs/1905.11946 (Lite variant).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.errors import WeightsError
from detector.images.square import SquareNetwork, SquareSpec
from detector.signals import SignalId, SignalKind

FILE = "open_clip_model.safetensors"
CONFIGURATION = "open_clip_config.json"
PREFIX = "visual.trunk."
OUTPUT = "embedding"
STRIDES = (1, 2, 2, 2, 1, 2, 1)
EPSILON = 1e-3
DTYPES = {"F16": np.float16, "F32": np.float32}

Array = NDArray[np.float32]
Weights = dict[str, Array]


def open_tower(folder: Path, *, threads: int | None = None) -> SquareNetwork:
    """The network of an open_clip folder that `python -m training` made; its revision is its weights' hash.

    Raises WeightsError when the folder is not complete.
    """
    side = _side(folder / CONFIGURATION)
    model = tower_model(folder, side)
    revision = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()[:12]
    signal = SignalId(SignalKind.IMAGE, "tower", revision, f"square{side}.area")
    return SquareNetwork(model, SquareSpec(signal, side, OUTPUT), threads=threads)


def _side(configuration: Path) -> int:
    try:
        return int(json.loads(configuration.read_bytes())["model_cfg"]["vision_cfg"]["image_size"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise WeightsError(
            f"{configuration} is no configuration of an image tower; use a folder that `python -m training` made"
        ) from fault


def tower_model(folder: Path, side: int) -> Any:
    """An OpenVINO model: uint8 RGB (n, side, side, 3) to `embedding` (n, 512), not of unit length.

    Raises WeightsError when the folder's weights are missing or are not such a network's.
    """
    from openvino import Model, PartialShape, Type  # noqa: PLC0415 - see detector.runtime
    from openvino import opset13 as ops  # noqa: PLC0415 - as above

    weights = read_safetensors(folder / FILE)
    pixels = ops.parameter(PartialShape([-1, side, side, 3]), Type.u8, name="pixels")
    try:
        result = ops.result(_Layers(ops, weights).embedding(pixels))
    except KeyError as fault:
        raise WeightsError(
            f"{folder / FILE} lacks the weight {fault}; use a folder that `python -m training` made"
        ) from fault
    result.output(0).tensor.set_names({OUTPUT})
    return Model([result], [pixels], "tower")


def read_safetensors(file: Path) -> Weights:
    """The picture side's float arrays by name, as float32. Format: length of a JSON header, the header, the data."""
    try:
        content = file.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        return {
            name.removeprefix(PREFIX): _array(content, start, entry)
            for name, entry in header.items()
            if name.startswith(PREFIX) and entry["dtype"] in DTYPES
        }
    except (OSError, ValueError, KeyError) as fault:
        raise WeightsError(
            f"{file} cannot be read as safetensors; run the training's export again"
        ) from fault


def _array(content: bytes, start: int, entry: dict[str, Any]) -> Array:
    first, last = entry["data_offsets"]
    flat = np.frombuffer(content[start + first : start + last], DTYPES[entry["dtype"]])
    return flat.reshape(entry["shape"]).astype(np.float32)


class _Layers:
    """Layers of the network, as OpenVINO's operations."""

    def __init__(self, ops: Any, weights: Weights) -> None:
        self._ops = ops
        self._weights = weights

    def embedding(self, pixels: Any) -> Any:
        ops = self._ops
        features = self._convolved(self._inputs(pixels), "conv_stem", "bn1", 2)
        for stage, stride in enumerate(STRIDES):
            features = self._stage(features, stage, stride)
        features = self._convolved(features, "conv_head", "bn2", 1)
        pooled = ops.reduce_mean(features, np.array([2, 3]), keep_dims=False)
        product = ops.matmul(pooled, self._weights["classifier.weight"], transpose_a=False, transpose_b=True)
        return ops.add(product, self._weights["classifier.bias"])

    def _inputs(self, pixels: Any) -> Any:
        ops = self._ops
        planes = ops.transpose(ops.convert(pixels, "f32"), np.array([0, 3, 1, 2]))
        return ops.subtract(ops.multiply(planes, np.float32(1 / 127.5)), np.float32(1))

    def _stage(self, features: Any, stage: int, stride: int) -> Any:
        for block in range(self._blocks(stage)):
            features = self._block(features, f"blocks.{stage}.{block}.", stride if block == 0 else 1)
        return features

    def _blocks(self, stage: int) -> int:
        return len({name.split(".")[2] for name in self._weights if name.startswith(f"blocks.{stage}.")})

    def _block(self, features: Any, name: str, stride: int) -> Any:
        if f"{name}conv_pwl.weight" not in self._weights:
            inner = self._convolved(features, f"{name}conv_dw", f"{name}bn1", stride)
            return self._convolved(inner, f"{name}conv_pw", f"{name}bn2", 1, bounded=False)
        inner = self._convolved(features, f"{name}conv_pw", f"{name}bn1", 1)
        inner = self._convolved(inner, f"{name}conv_dw", f"{name}bn2", stride)
        inner = self._convolved(inner, f"{name}conv_pwl", f"{name}bn3", 1, bounded=False)
        same = stride == 1 and inner.get_output_partial_shape(0)[1] == features.get_output_partial_shape(0)[1]
        return self._ops.add(features, inner) if same else inner

    def _convolved(self, features: Any, conv: str, norm: str, stride: int, *, bounded: bool = True) -> Any:
        ops = self._ops
        kernel, bias = self._folded(conv, norm)
        depthwise = kernel.shape[1] == 1
        apply = ops.group_convolution if depthwise else ops.convolution
        shaped = kernel[:, None] if depthwise else kernel
        moved = apply(features, shaped, [stride] * 2, [0, 0], [0, 0], [1, 1], auto_pad="same_upper")
        shifted = ops.add(moved, bias.reshape(1, -1, 1, 1))
        return ops.clamp(shifted, 0.0, 6.0) if bounded else shifted

    def _folded(self, conv: str, norm: str) -> tuple[Array, Array]:
        """Kernel and bias of a convolution with the norm after it."""
        mean, variance, gain, bias = (
            self._weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        factor = gain / np.sqrt(variance + EPSILON)
        return self._weights[f"{conv}.weight"] * factor[:, None, None, None], bias - mean * factor
