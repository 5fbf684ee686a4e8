"""Where the vault's keys come from: a file that may change while processes run, or one text of the environment.

    # one key a line, oldest first; the last one seals, all of them open
    q83v…base64 of 32 random bytes…=

A process looks at the file's date before it seals, and reads it anew when it meets an unknown key: a new line is in
use everywhere at once. The environment can't change, so there a new key is first added before the last one
everywhere, and moved to the end in a second round.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from data.vault import Keyring, Keys, key_id, ring_of
from detector.errors import SettingsError, VaultError

KEY_BYTES = 32
_HEAD = "# Keys of Lookalike's vault: oldest first, the last one seals. Without them nothing sealed can be read.\n"


def keys_from(file: Path | None, text: str | None) -> Keys:
    """The source that the settings vault_key_file and vault_keys name. Raises SettingsError when both are set."""
    if file is not None and text is not None:
        raise SettingsError("vault_key_file and vault_keys are both set; keep the keys in one place")
    if file is not None:
        return FileKeys(file)
    if text is None:
        return Keyring
    ring = ring_of(_parsed(text.replace(",", "\n"), "vault_keys"))
    return lambda: ring


class FileKeys:
    """The ring in a file, read again whenever the file was written. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[tuple[int, ...], Keyring] | None = None

    def __call__(self) -> Keyring:
        """Raises VaultError (code `vault_keys_unusable`) when the file can't be read or holds something else."""
        try:
            found = self._path.stat()
            state = (found.st_mtime_ns, found.st_size, found.st_ino)
            if self._seen is None or self._seen[0] != state:
                self._seen = state, ring_of(_parsed(self._path.read_text("ascii"), str(self._path)))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise _unusable(f"the vault's key file {self._path} can't be read ({reason})") from error
        return self._seen[1]


def add_key(path: Path) -> str:
    """Put a new key at the end of the file, which is made if need be; returns the key's id. Raises VaultError."""
    key = secrets.token_bytes(KEY_BYTES)
    try:
        before = path.read_text("ascii") if path.exists() else _HEAD
        if path.exists():
            _parsed(before, str(path))
        _replace(path, f"{before.rstrip()}\n{base64.b64encode(key).decode()}\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _unusable(f"no key can be added to {path} ({reason})") from error
    return key_id(key)


def _parsed(text: str, place: str) -> Sequence[bytes]:
    """Raises VaultError naming the line, never what stands in it."""
    keys: dict[bytes, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        written = line.strip()
        if not written or written.startswith("#"):
            continue
        key = _key(written)
        if key is None or key in keys:
            fault = "is no key: write 32 random bytes in base64" if key is None else "repeats a key"
            raise _unusable(f"line {number} of {place} {fault}")
        keys[key] = None
    if not keys:
        raise _unusable(f"{place} holds no key; make one with `lookalike vault new-key`")
    return list(keys)


def _key(written: str) -> bytes | None:
    try:
        key = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _replace(path: Path, text: str) -> None:
    """Write the whole file anew, for its owner alone: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


def _unusable(detail: str) -> VaultError:
    return VaultError(detail, code="vault_keys_unusable")
