"""Pictures of scans on their way to being checked: private files, each deleted once its row is written.

    keep(scan_id, number, picture) ─▶ uploads/<scan id>/<number> ─▶ read(...) ─▶ discard(...)

Only pictures that wait lie here; what is flagged is kept elsewhere (`data.store.findings`). Names are made of the scan's
id and the picture's number, never of what a caller wrote. A file is written beside its name and renamed, so none is ever
half there. A folder is made before its scan's row commits; one without a row is swept an hour later.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from data.vault import Vault
from detector.errors import StoreError

_SCAN = re.compile(r"scn_[0-9a-z]+")
_STALE = timedelta(hours=1)


class Uploads:
    """A folder with one folder per scan. Threads and processes may share it."""

    def __init__(self, folder: Path, vault: Vault | None = None) -> None:
        self.folder = folder
        self._vault = vault or Vault()

    def keep(self, scan_id: str, number: int, picture: bytes) -> None:
        """Write one picture and wait for the disk. Raises StoreError."""
        path = self._path(scan_id, number)
        with _translated(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.parent.mkdir(exist_ok=True, mode=0o700)
            handle, staged = tempfile.mkstemp(dir=path.parent, prefix=".")
            with os.fdopen(handle, "wb") as file:
                file.write(self._vault.seal(picture, _context(scan_id, number)))
                file.flush()
                os.fsync(file.fileno())
            Path(staged).replace(path)

    def read(self, scan_id: str, number: int) -> bytes | None:
        """The picture, encoded as it came; None when it isn't here (any more). Raises StoreError."""
        try:
            kept = self._path(scan_id, number).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"an upload in {self.folder} can't be read: {error.strerror}") from error
        return self._vault.unseal(kept, _context(scan_id, number))

    def discard(self, scan_id: str, numbers: Iterable[int]) -> None:
        """Delete these pictures; nothing happens where one isn't here."""
        with _translated(self.folder):
            for number in numbers:
                self._path(scan_id, number).unlink(missing_ok=True)

    def discard_scan(self, scan_id: str) -> None:
        """Delete all that is left of one scan."""
        shutil.rmtree(self._folder(scan_id), ignore_errors=True)

    def scans(self) -> list[str]:
        """Ids of the scans that have a folder here."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(path.name for path in found if _SCAN.fullmatch(path.name))

    def is_stale(self, scan_id: str, at: datetime) -> bool:
        """Whether a folder has been left alone so long that nobody can be filling it."""
        try:
            changed = self._folder(scan_id).stat().st_mtime
        except FileNotFoundError:
            return False
        return changed < (at - _STALE).timestamp()

    def _folder(self, scan_id: str) -> Path:
        if not _SCAN.fullmatch(scan_id):
            raise ValueError("not the id of a scan")
        return self.folder / scan_id

    def _path(self, scan_id: str, number: int) -> Path:
        return self._folder(scan_id) / f"{number:09d}"


def _context(scan_id: str, number: int) -> str:
    """What the sealed bytes are, so that no file can stand in for another."""
    return f"upload {scan_id} {number}"


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"the folder of uploads {folder} can't be written: {error.strerror}") from error
