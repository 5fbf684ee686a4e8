"""A registry on disk: written whole, swapped in one step, checked to the last byte, never a pickle.

    contents   magic (8) · header length (8, little-endian) · header JSON · one array per shelf · SHA-256 of all
               before (32)
    file       magic (8) · the contents in pieces, each its length (8) and what the sealer made of it

A snapshot holds templates of faces: it is readable by its owner only, and sealed where there is a key. One that was
interrupted leaves a `.partial` file, which the next save sweeps away.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import SnapshotError, VaultError
from detector.signals import SignalId
from indexer.ports import UNSEALED, Sealer, Vectors
from indexer.shelf import Position, ShelfContents

MAGIC = b"LKALIKE2"
_CHECKSUM_BYTES = 32
_PREFIX_BYTES = len(MAGIC) + 8
_FILE_MAGIC = b"LKALIKE3"
_LENGTH_BYTES = 8

_PIECE_BYTES = 1 << 28
"""Sealed at once: ciphers take less than 2 GiB, and a registry may be larger."""

_HEAD_BYTES = 64
"""As much of a piece as a sealer needs to see."""

_STALE_SECONDS = 3600
"""A partial file this much older than the one being written belongs to a process that died."""


def save(path: Path, shelves: Sequence[ShelfContents], sealer: Sealer = UNSEALED) -> None:
    """Replace the snapshot at `path`. Whoever reads meanwhile gets the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        _write(partial, _sealed(encode(shelves), sealer))
        _sweep(path, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def load(path: Path, sealer: Sealer = UNSEALED) -> list[ShelfContents]:
    """Read a snapshot. Raises SnapshotError when it cannot be read or unsealed, or any byte of it is damaged."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"index snapshot {path} cannot be read ({error.strerror})") from error
    try:
        return decode(_unsealed(data, sealer))
    except (SnapshotError, VaultError) as error:
        raise SnapshotError(f"index snapshot {path}: {error.detail}") from error


def is_current(path: Path, sealer: Sealer) -> bool:
    """Whether the snapshot at `path` is sealed as a save would seal it now. False when there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_FILE_MAGIC) + _LENGTH_BYTES + _HEAD_BYTES)
    except OSError:
        return False
    return sealer.is_current(head[len(_FILE_MAGIC) + _LENGTH_BYTES :])


def discard(path: Path) -> None:
    """Delete the snapshot and what is being written of one: somebody who was erased may be in them. Whoever writes one
    now fails, and goes on without. Raises OSError."""
    for file in (path, *path.parent.glob(f"{path.name}.*.partial")):
        file.unlink(missing_ok=True)


def encode(shelves: Sequence[ShelfContents]) -> bytes:
    """The bytes of a snapshot."""
    arrays = [_portable(shelf.vectors) for shelf in shelves]
    described = [_describe(shelf, array) for shelf, array in zip(shelves, arrays, strict=True)]
    header = json.dumps({"shelves": described}, separators=(",", ":")).encode()
    body = b"".join(
        [MAGIC, len(header).to_bytes(8, "little"), header, *(array.tobytes() for array in arrays)]
    )
    return body + hashlib.sha256(body).digest()


def decode(data: bytes) -> list[ShelfContents]:
    """Inverse of `encode`. Raises SnapshotError for anything else."""
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if not body.startswith(MAGIC):
        raise SnapshotError("it is no index snapshot, or one of another format")
    if hashlib.sha256(body).digest() != checksum:
        raise SnapshotError("its checksum does not fit: it is damaged or cut short")
    end = _PREFIX_BYTES + int.from_bytes(body[len(MAGIC) : _PREFIX_BYTES], "little")
    described = json.loads(body[_PREFIX_BYTES:end])["shelves"]
    shelves = []
    for one in described:
        vectors, end = _array(body, end, one)
        shelves.append(_contents(one, vectors))
    return shelves


def _sealed(data: bytes, sealer: Sealer) -> Iterator[bytes]:
    yield _FILE_MAGIC
    starts = range(0, len(data), _PIECE_BYTES)
    for number, start in enumerate(starts):
        piece = sealer.seal(data[start : start + _PIECE_BYTES], _context(number, len(starts)))
        yield len(piece).to_bytes(_LENGTH_BYTES, "little")
        yield piece


def _unsealed(data: bytes, sealer: Sealer) -> bytes:
    if not data.startswith(_FILE_MAGIC):
        raise SnapshotError("it is no index snapshot, or one of another format")
    pieces, at = [], len(_FILE_MAGIC)
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "little")
        pieces.append(data[start:at])
    return b"".join(sealer.unseal(one, _context(at, len(pieces))) for at, one in enumerate(pieces))


def _context(number: int, pieces: int) -> str:
    return f"piece {number + 1} of {pieces} of the index snapshot"


def _portable(vectors: Vectors) -> Vectors:
    return np.ascontiguousarray(vectors, dtype=vectors.dtype.newbyteorder("<"))


def _describe(shelf: ShelfContents, array: Vectors) -> dict[str, Any]:
    return {
        "signal": str(shelf.signal),
        "number": shelf.position.number,
        "reference_id": shelf.position.reference_id,
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "ids": shelf.ids,
        "talents": shelf.talents,
        "weights": shelf.weights,
    }


def _array(body: bytes, start: int, described: dict[str, Any]) -> tuple[Vectors, int]:
    dtype, shape = np.dtype(described["dtype"]), tuple(described["shape"])
    count = int(np.prod(shape))
    flat = np.frombuffer(body, dtype=dtype, count=count, offset=start) if count else np.zeros(0, dtype)
    return flat.reshape(shape).astype(dtype.newbyteorder("=")), start + count * dtype.itemsize


def _contents(described: dict[str, Any], vectors: Vectors) -> ShelfContents:
    return ShelfContents(
        SignalId.parse(described["signal"]),
        Position(described["number"], described["reference_id"]),
        tuple(described["ids"]),
        tuple(described["talents"]),
        tuple(described["weights"]),
        vectors,
    )


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def _sweep(path: Path, partial: Path) -> None:
    """Remove what dead processes left, judged by the file system's own clock."""
    oldest = partial.stat().st_mtime - _STALE_SECONDS
    for other in path.parent.glob(f"{path.name}.*.partial"):
        try:
            if other.stat().st_mtime < oldest:
                other.unlink()
        except FileNotFoundError:
            continue  # its own process finished or swept it meanwhile


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can open folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
