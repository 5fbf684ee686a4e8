"""float32, or bfloat16 where the processor has it: chosen once per machine, by whether the vectors stay the same.

    processor has bfloat16? ─ no ─▶ float32
                            ─ yes ─▶ the same probe through both ─▶ bfloat16 if no vector turns by more than MOST

A vector that turns by less keeps its signal id, since it compares with all others as before. The detector of faces
always runs in float32: in bfloat16 its landmarks would move by up to a pixel, and the vectors with them by more than
that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

MOST = 1e-3
"""The greatest difference, one less the cosine, at which two vectors count as the same."""

CAPABILITY = "BF16"
"""How OpenVINO says that a processor computes in bfloat16."""


class Precision(StrEnum):
    """As OpenVINO's INFERENCE_PRECISION_HINT names them."""

    FLOAT32 = "f32"
    BFLOAT16 = "bf16"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and the sentence that says why."""

    precision: Precision
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What a network is asked with in both precisions: its input, and the name of the output with vectors (n, d)."""

    batch: NDArray[np.float32]
    output: str | None = None


PINNED = Choice(Precision.FLOAT32, "bfloat16 is not asked for")
ABSENT = Choice(Precision.FLOAT32, "the processor has no bfloat16")


def choose(capabilities: Collection[str], vectors: Callable[[Precision], Vectors]) -> Choice:
    """The fastest precision whose vectors are the same. `vectors` runs the probe; it isn't called where there is
    nothing to choose."""
    if CAPABILITY not in capabilities:
        return ABSENT
    turned = difference(vectors(Precision.FLOAT32), vectors(Precision.BFLOAT16))
    said = f"on the probe its vectors differ from float32's by {turned:.1e} (allowed: {MOST:.0e})"
    if turned <= MOST:
        return Choice(Precision.BFLOAT16, said)
    return Choice(Precision.FLOAT32, f"bfloat16 is not used: {said}")


def difference(exact: Vectors, reduced: Vectors) -> float:
    """The greatest one less cosine of two rows; infinite where a number is none."""
    one, other = exact.astype(np.float64), reduced.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        return float("inf")
    return float((1 - (one * other).sum(axis=1) / lengths).max())


def faces_probe(count: int = 8, side: int = 112) -> NDArray[np.float32]:
    """Smooth patches (count, 3, side, side) from 0 to 255 in the spectrum of photographs: fixed, and nobody's face."""
    random = np.random.default_rng(20210101)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    shape = (count, 3, *frequency.shape)
    noise = random.normal(size=shape) + 1j * random.normal(size=shape)
    patches = np.fft.irfft2(noise / np.maximum(frequency, 1 / side) ** 1.5, s=(side, side))
    spread = patches.std(axis=(2, 3), keepdims=True)
    return np.asarray(np.clip(128 + 50 * patches / spread, 0, 255), np.float32)
