"""The checks every index makes of what it is given, so that all refuse the same with the same words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.errors import SignalMismatch, UsageError
from detector.signals import SignalId
from indexer.ports import Vectors

VARIANTS = 8
"""Rows of a hashed query: the eight flips and quarter turns, row 0 upright."""


def check_embeddings(signal: SignalId, vectors: Vectors, dimension: int | None) -> None:
    """Raise SignalMismatch unless `vectors` is finite float32 (n, dimension); dimension None accepts any."""
    _check_shape(signal, vectors, (None, dimension))
    if vectors.dtype != np.float32:
        raise SignalMismatch(f"vectors of {signal} must be float32, not {vectors.dtype}", code="bad_vector")
    if not np.isfinite(vectors).all():
        raise SignalMismatch(f"vectors of {signal} hold values that are not finite", code="bad_vector")


def check_codes(signal: SignalId, codes: Vectors, width: int | None) -> None:
    """Raise SignalMismatch unless `codes` is uint8 (n, width); width None accepts any."""
    _check_shape(signal, codes, (None, width))
    _check_bytes(signal, codes)


def check_turned_codes(signal: SignalId, codes: Vectors, width: int | None) -> None:
    """Raise SignalMismatch unless `codes` is uint8 (n, 8, width); width None accepts any."""
    _check_shape(signal, codes, (None, VARIANTS, width))
    _check_bytes(signal, codes)


def check_rows(ids: Sequence[str], vectors: Vectors) -> None:
    """Raise UsageError unless there is one vector per id."""
    if len(ids) != len(vectors):
        raise UsageError(f"{len(ids)} ids were given with {len(vectors)} vectors; give one vector per id")


def check_k(k: int) -> None:
    """Raise UsageError unless k is at least 1."""
    if k < 1:
        raise UsageError(f"a search must ask for at least 1 neighbour, not {k}")


def _check_bytes(signal: SignalId, codes: Vectors) -> None:
    if codes.dtype != np.uint8:
        raise SignalMismatch(
            f"hashes of {signal} must be bytes (uint8), not {codes.dtype}", code="bad_vector"
        )


def _check_shape(signal: SignalId, vectors: Vectors, expected: tuple[int | None, ...]) -> None:
    wanted = "×".join("n" if size is None else str(size) for size in expected)
    fits = len(vectors.shape) == len(expected) and all(
        size is None or size == actual for size, actual in zip(expected, vectors.shape, strict=True)
    )
    if not fits:
        actual = "×".join(map(str, vectors.shape))
        raise SignalMismatch(
            f"vectors of {signal} have the shape {actual} where {wanted} is indexed",
            code="dimension_mismatch",
        )
