"""What the indexes offer, and what they ask of the store of truth: small protocols, no implementation.

Vectors come from the store as numbered changes (`ChangeFeed`); each signal's vectors live in one
`VectorIndex`. The store satisfies `ChangeFeed` and `Change` structurally: `indexer` never imports `data`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from detector.imagery import DecodedImage
from detector.signals import Box, SignalId

Vectors = NDArray[Any]
"""One vector a row. float32 (n, dimension) of unit length for embeddings, uint8 (n, bytes) for hashes."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One indexed vector near a query. similarity: cosine, or 1 - distance / bits; turn: which of the eight
    flips and quarter turns of a hashed query came nearest (0 for embeddings)."""

    id: str
    similarity: float
    turn: int = 0


class VectorIndex(Protocol):
    """Vectors of one signal by id, searched exactly.

    Every call that brings vectors names their signal. Raises SignalMismatch when that is not this index's
    signal (code `signal_mismatch`), when the vectors have another shape (`dimension_mismatch`) or another
    type or values that are not finite (`bad_vector`). Not thread-safe while being changed; `indexer.registry`
    guards it.
    """

    @property
    def signal_id(self) -> SignalId: ...

    def __len__(self) -> int: ...

    def __contains__(self, vector_id: object) -> bool: ...

    @property
    def ids(self) -> Sequence[str]:
        """All ids, in no particular order."""
        ...

    def add(self, signal: SignalId, ids: Sequence[str], vectors: Vectors) -> None:
        """Add vectors, a row per id. An id that is already there is replaced; in one call the last of equal
        ids wins."""
        ...

    def remove(self, ids: Sequence[str]) -> int:
        """Remove ids and their vectors' bytes; ids that are not there are ignored. Returns how many were
        there."""
        ...

    def take(self, ids: Sequence[str]) -> Vectors:
        """The vectors of these ids, a row per id, as a copy. Raises NotFound for an id that is not there."""
        ...

    def search(self, signal: SignalId, queries: Vectors, k: int) -> list[list[Hit]]:
        """Per query the k nearest, nearest first, equal ones by id; fewer when fewer are indexed.

        Queries are (n, dimension) for embeddings and (n, 8, bytes) for hashes. Of several vectors exactly as
        near as the k-th, any may be left out, and with it the turn in which it was just as near.
        """
        ...


class Change(Protocol):
    """One numbered change of one reference's vector. `op` is put or remove; `vector` is None exactly for
    remove.

    quality: 0 to 1, the weight of the reference's face in its talent's template; None where nothing was
    judged.
    """

    @property
    def number(self) -> int: ...

    @property
    def op(self) -> str: ...

    @property
    def reference_id(self) -> str: ...

    @property
    def talent_id(self) -> str: ...

    @property
    def vector(self) -> Vectors | None: ...

    @property
    def quality(self) -> float | None: ...


class LocalSignal(Protocol):
    """Makes what geometry needs of a reference: kept beside its vectors, never indexed."""

    @property
    def signal(self) -> SignalId: ...

    def of(self, images: Sequence[DecodedImage], faces: Sequence[Box]) -> list[NDArray[Any]]:
        """One array per picture. faces: the chosen face of each, pixels of the full-size picture."""
        ...


class Sealer(Protocol):
    """What a snapshot passes through before it lies on the disk, and after it was read. `context` says what the bytes
    are; `unseal` raises VaultError where they were sealed as something else, were altered, or their key is gone."""

    def seal(self, plain: bytes, context: str) -> bytes: ...

    def unseal(self, kept: bytes, context: str) -> bytes: ...

    def is_current(self, kept: bytes) -> bool:
        """Whether `seal` would do now what was done to these bytes; their beginning suffices."""
        ...


class Unsealed:
    """A Sealer that leaves bytes as they are."""

    def seal(self, plain: bytes, context: str) -> bytes:
        return plain

    def unseal(self, kept: bytes, context: str) -> bytes:
        return kept

    def is_current(self, kept: bytes) -> bool:
        return True


UNSEALED: Sealer = Unsealed()


class ChangeFeed(Protocol):
    """The store's changes in the order in which they were committed; numbers only grow."""

    def head(self) -> int:
        """The number of the newest change; 0 when there is none."""
        ...

    def since(self, number: int, signal_id: SignalId, limit: int) -> Sequence[Change]:
        """Changes of one signal with a greater number, oldest first, at most `limit`."""
        ...
