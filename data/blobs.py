"""Pictures as files, named by the SHA-256 of their bytes and sealed by the vault: the database and the snapshots stay
small. Reference pictures lie in one such folder, the kept pictures of findings in another.

    with blobs.stage(picture) as staged:      written and on the disk, under a passing name
        with database.change(...):            the ledger's lock: nobody sweeps now
            staged.keep()                     renamed to its name, before the row that needs it commits

A file without a row (a crash between the two) or a row without a reference (one was removed) is swept: by the
removal itself, at the next opening of the store, and by `Store.sweep`. The order is such that a row never
lacks its file.

The hash is that of the plain bytes. Who sees the names and has the very same file can tell that it is kept; the names
tell nothing else, and the database, which lies beside them, holds the same hashes for finding exact copies.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from data.vault import HEADER_BYTES, Vault, key_of
from detector.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there only age tells
    fcntl = None  # type: ignore[assignment]

_STAGING = ".staging"
_STALE = timedelta(hours=6)
_DEAD = timedelta(minutes=1)
"""How old a staged file must be before it is looked at who wrote it, where the system tells: its writer holds a lock."""
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StagedBlob:
    """Bytes that are on the disk but not yet under their name."""

    sha256: str
    size: int
    _staged: Path
    _target: Path

    def keep(self) -> None:
        """Give the file its name, durably. A file already there holds the same bytes and is replaced."""
        shard = self._target.parent
        if not shard.is_dir():
            shard.mkdir(parents=True, exist_ok=True)
            _sync_folder(shard.parent)
        self._staged.replace(self._target)
        _sync_folder(shard)


class Blobs:
    """A folder of files by their SHA-256, in 256 shards, each sealed as `picture <SHA-256>`."""

    def __init__(self, folder: Path, vault: Vault | None = None) -> None:
        self.folder = folder
        self._vault = vault or Vault()

    @contextmanager
    def stage(self, data: bytes) -> Iterator[StagedBlob]:
        """Write the bytes and wait for the disk; unless kept, they are gone afterwards. Raises StoreError."""
        sha256 = hashlib.sha256(data).hexdigest()
        sealed = self._vault.seal(data, _context(sha256))
        with _translated(self.folder):
            handle, staged = self._write(sealed)
        try:
            yield StagedBlob(sha256, len(data), staged, self.path(sha256))
        finally:
            staged.unlink(missing_ok=True)
            handle.close()

    def _write(self, data: bytes) -> tuple[BinaryIO, Path]:
        """The file, written and locked for as long as it stays open."""
        staging = self.folder / _STAGING
        staging.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=staging)
        file = os.fdopen(handle, "wb")
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX)
            file.write(data)
            file.flush()
            os.fsync(handle)
            if fcntl is None:
                file.close()  # elsewhere an open file can't be renamed
        except BaseException:
            file.close()
            Path(name).unlink(missing_ok=True)
            raise
        return file, Path(name)

    def path(self, sha256: str) -> Path:
        """Where the file with this SHA-256 lies, if it is kept."""
        if not _NAME.fullmatch(sha256):
            raise ValueError("not a SHA-256 in hex")
        return self.folder / sha256[:2] / sha256

    def read(self, sha256: str) -> bytes:
        """The bytes. Raises StoreError when the file is missing or is no longer what was kept, VaultError without its
        key."""
        try:
            kept = self.path(sha256).read_bytes()
        except OSError as error:
            raise StoreError(
                f"the picture {sha256} can't be read ({error.strerror}); restore {self.folder}",
                code="picture_missing",
            ) from error
        data = self._vault.unseal(kept, _context(sha256))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(
                f"the file {self.path(sha256)} was altered; restore it or enrol the picture anew",
                code="picture_altered",
            )
        return data

    def key_of(self, sha256: str) -> str | None:
        """The id of the key that the file is sealed with; None where it is plain. Raises FileNotFoundError."""
        with self.path(sha256).open("rb") as file:
            return key_of(file.read(HEADER_BYTES))

    def reseal(self, sha256: str) -> None:
        """Write the file anew under the newest key. The caller keeps away whoever might delete it meanwhile. Raises
        as `read`."""
        with self.stage(self.read(sha256)) as staged:
            staged.keep()

    def discard(self, sha256: str) -> None:
        """Delete the file, durably; nothing happens if it isn't there."""
        path = self.path(sha256)
        with _translated(self.folder):
            if path.exists():
                path.unlink(missing_ok=True)
                _sync_folder(path.parent)

    def names(self) -> Iterator[str]:
        """The SHA-256 of every file that is kept."""
        for shard in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(file.name for file in shard.iterdir() if _NAME.fullmatch(file.name))

    def discard_others(self, known: Collection[str]) -> int:
        """Delete every file whose name is not known; returns how many. The caller keeps writers out
        meanwhile."""
        others = [name for name in self.names() if name not in known]
        for name in others:
            self.discard(name)
        return len(others)

    def clear_staging(self, now: datetime) -> None:
        """Delete what a killed process left staged. What a living one has staged is locked by it."""
        for file in (self.folder / _STAGING).glob("*"):
            try:
                age = now.timestamp() - file.stat().st_mtime
                if age > _STALE.total_seconds() or (age > _DEAD.total_seconds() and _is_abandoned(file)):
                    file.unlink()
            except FileNotFoundError:
                continue  # another process cleared it first


def _is_abandoned(file: Path) -> bool:
    """Whether no process holds the file's lock; False where files can't be locked."""
    if fcntl is None:
        return False
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _context(sha256: str) -> str:
    return f"picture {sha256}"


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows has no way to open a folder; its rename is durable by journal
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"the pictures' folder {folder} can't be written: {error.strerror}") from error
