"""Compiled networks, kept between runs: compiling is most of what a short command waits for.

    network, processor, version, options ─ key ─▶ file: digest, compiled bytes ─ digest right? ─▶ bytes to import

A compiled network holds the weights, whose own file is pinned by its SHA-256; so what is read here is checked as well,
and whatever does not fit is no error: the network is compiled anew. Files are written beside their place and moved there
in one step. A file of another version, processor or option has another name, and is removed when the new one is kept.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class CompiledCache:
    """A private folder of compiled networks; made when something is kept. Safe for several processes at once."""

    folder: Path

    def read(self, name: str, key: str) -> bytes | None:
        """What was kept under this name and key; None when nothing was, or it is damaged."""
        try:
            content = self._path(name, key).read_bytes()
        except OSError:
            return None
        digest, compiled = content[:_DIGEST], content[_DIGEST:]
        return compiled if digest == _digest(key, compiled) else None

    def keep(self, name: str, key: str, compiled: bytes) -> None:
        """Keep it in place of what is there by this name. A folder that can't be written costs only time."""
        try:
            self._write(self._path(name, key), _digest(key, compiled) + compiled)
        except OSError:
            return

    def _write(self, path: Path, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        number, temporary = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
        for other in self.folder.glob(f"{path.stem.rpartition('-')[0]}-*.bin"):
            if other != path:
                other.unlink(missing_ok=True)

    def _path(self, name: str, key: str) -> Path:
        return self.folder / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.bin"


def _digest(key: str, compiled: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + compiled).digest()
