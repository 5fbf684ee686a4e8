"""A face recogniser of three layers as a real ONNX file, written field by field: stands in for files that can't be had
here. Tags are those of onnx.proto."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CELL = 14
"""Side of the squares, in pixels, that the first layer averages: 8 by 8 of them in a crop."""

Number = int
Field = tuple[int, "Number | bytes | str"]


def message(*fields: Field) -> bytes:
    return b"".join(_field(tag, value) for tag, value in fields)


def _field(tag: int, value: Number | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(tag << 3) + _varint(value)
    body = value.encode() if isinstance(value, str) else value
    return _varint(tag << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    head, rest = value & 0x7F, value >> 7
    return bytes([head | 0x80]) + _varint(rest) if rest else bytes([head])


def projection(dimension: int, seed: int = 0) -> NDArray[np.float32]:
    """What the last layer multiplies by: (3 * 8 * 8, dimension)."""
    return np.random.default_rng(seed).normal(size=(192, dimension)).astype(np.float32)


def write_recogniser(
    path: Path, dimension: int = 512, output: str = "1333", seed: int = 0, cell: int = CELL
) -> Path:
    """Averages of squares, then a fixed projection; input and output are named and shaped as AuraFace's. Another
    `cell` makes a network of crops that are eight such cells wide."""
    ints = [
        message((1, name), *((8, cell) for _ in range(2)), (20, 7)) for name in ("kernel_shape", "strides")
    ]
    nodes = [
        message((1, "data"), (2, "cells"), (4, "AveragePool"), *((5, each) for each in ints)),
        message((1, "cells"), (2, "flat"), (4, "Flatten")),
        message((1, "flat"), (1, "weight"), (2, output), (4, "MatMul")),
    ]
    weight = message(
        (1, 192), (1, dimension), (2, 1), (8, "weight"), (9, projection(dimension, seed).tobytes())
    )
    graph = message(
        *((1, node) for node in nodes),
        (2, "stand-in"),
        (5, weight),
        (11, _value("data", "None", 3, 8 * cell, 8 * cell)),
        (12, _value(output, 1, dimension)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(message((1, 8), (7, graph), (8, message((2, 13)))))
    return path


def _value(name: str, *shape: int | str) -> bytes:
    dims = message(*((1, message((2 if isinstance(side, str) else 1, side))) for side in shape))
    return message((1, name), (2, message((1, message((1, 1), (2, dims))))))
