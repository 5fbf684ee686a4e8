"""Vectors as bytes: float32 little-endian for embeddings, uint8 for hash codes, with their shape. Nothing is
pickled, and with a key in the vault every vector is sealed by itself, as the vector of this reference and signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from data.vault import Vault, key_of
from detector.errors import StoreError
from detector.signals import SignalId

Array = NDArray[Any]

_DTYPES: dict[str, np.dtype[Any]] = {"<f4": np.dtype("<f4"), "|u1": np.dtype("|u1")}


@dataclass(frozen=True, slots=True)
class Templates:
    """Vectors on their way into rows and out of them."""

    vault: Vault

    def columns(self, reference_id: str, signal_id: SignalId, array: Array) -> dict[str, Any]:
        """The columns `dtype`, `shape`, `vector`, `vault_key`. Raises ValueError as `encode`, VaultError."""
        encoded = encode(array)
        sealed = self.vault.seal(encoded["vector"], context(reference_id, str(signal_id)))
        return {**encoded, "vector": sealed, "vault_key": key_of(sealed)}

    def array(self, reference_id: str, signal_id: SignalId | str, row: Row[Any]) -> Array:
        """Inverse of `columns`; the array is read-only. Raises StoreError for a damaged row, VaultError."""
        plain = self.vault.unseal(row.vector, context(reference_id, str(signal_id)))
        return decode(row.dtype, row.shape, plain)


def context(reference_id: str, signal_name: str) -> str:
    """What a vector is sealed as."""
    return f"vector of reference {reference_id} by {signal_name}"


def encode(array: Array) -> dict[str, Any]:
    """The columns `dtype`, `shape`, `vector` of one array, not sealed. Raises ValueError for other types or
    non-finite numbers."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # becomes infinite, which is refused below
            array = array.astype("<f4")
    if array.dtype.str not in _DTYPES:
        raise ValueError(f"a signal is kept as float32 or uint8, not {array.dtype}")
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError("a signal must have at least one element, and only finite ones")
    shape = "x".join(str(length) for length in array.shape)
    return {"dtype": array.dtype.str, "shape": shape, "vector": np.ascontiguousarray(array).tobytes()}


def decode(dtype: str, shape: str, vector: bytes) -> Array:
    """Inverse of `encode`; the array is read-only. Raises StoreError when the row is damaged."""
    try:
        array: Array = np.frombuffer(vector, dtype=_DTYPES[dtype])
        return array.reshape(tuple(int(length) for length in shape.split("x")))
    except (KeyError, ValueError):
        raise StoreError(
            f"a stored signal is damaged ({len(vector)} bytes as {dtype} {shape}); restore the database"
        ) from None
