from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from data.blobs import Blobs
from data.store import vectors
from detector.errors import StoreError


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_staged_file_that_is_not_kept_is_gone(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    with blobs.stage(b"x") as staged:
        assert files(tmp_path) != []
        assert staged.size == 1
    assert files(tmp_path) == []


def test_a_kept_file_is_found_by_its_hash(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    for _ in range(2):
        with blobs.stage(b"x") as staged:
            staged.keep()
    assert list(blobs.names()) == [staged.sha256]
    assert blobs.read(staged.sha256) == b"x"
    blobs.discard(staged.sha256)
    blobs.discard(staged.sha256)
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "AB" * 32, "a" * 63])
def test_only_a_hash_names_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Blobs(tmp_path).path(name)


def test_what_a_dead_process_staged_is_cleared_and_what_a_living_one_has_is_kept(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    later = datetime.now(UTC) + timedelta(minutes=2)
    with blobs.stage(b"in use") as staged:
        (tmp_path / ".staging" / "dead").write_bytes(b"half")
        blobs.clear_staging(datetime.now(UTC))
        assert len(files(tmp_path)) == 2, "a young file may be about to be locked"
        blobs.clear_staging(later)
        assert [path.read_bytes() for path in files(tmp_path)] == [b"in use"]
        staged.keep()
    assert blobs.read(staged.sha256) == b"in use"


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_bytes(b"a file is in the way")
    with pytest.raises(StoreError, match="can't be written"), Blobs(tmp_path / "blobs").stage(b"x"):
        pytest.fail("nothing can be staged there")


@pytest.mark.parametrize(
    ("dtype", "shape", "vector"),
    [
        ("<f4", "3", b"1234"),
        ("<f4", "1", b"123"),
        ("<f8", "1", b"12345678"),
        ("|u1", "two", b"12"),
        ("|O", "1", b"x"),
    ],
)
def test_a_damaged_vector_is_an_error_never_a_number(dtype: str, shape: str, vector: bytes) -> None:
    with pytest.raises(StoreError, match="damaged"):
        vectors.decode(dtype, shape, vector)


def test_vectors_are_little_endian_whatever_came(tmp_path: Path) -> None:
    kept = vectors.encode(np.array([1.5, -2], dtype=">f4"))
    assert kept["vector"] == np.array([1.5, -2], dtype="<f4").tobytes()
    np.testing.assert_array_equal(vectors.decode(**kept), [1.5, -2])
