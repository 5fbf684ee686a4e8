"""Signed checkpoints of the audit chain, to be kept somewhere else than the database.

    sign(number, hash, at, key) ─▶ Checkpoint ─▶ JSON file ─ later ─▶ read, signature checked ─▶ AuditLog.verify

Whoever can rewrite the whole database can rewrite the chain with it, or cut its end off. A checkpoint says that event
`number` had this hash at that moment, signed with Ed25519: a chain that doesn't lead to it any more was tampered with.
The public key that is trusted comes from outside; the one in the file only says which is meant.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT = "lookalike-audit-checkpoint/1"
_FIELDS = {"format": str, "number": int, "hash": str, "at": str, "public_key": str, "signature": str}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Event `number` of the chain had this hash. `public_key`: hex of 32 bytes; `signature`: base64 of 64."""

    number: int
    hash: str
    at: str
    public_key: str
    signature: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **self._signed(), "signature": self.signature}

    def _signed(self) -> dict[str, Any]:
        return {"number": self.number, "hash": self.hash, "at": self.at, "public_key": self.public_key}

    @property
    def message(self) -> bytes:
        """What is signed."""
        return json.dumps(
            {"format": FORMAT, **self._signed()}, sort_keys=True, separators=(",", ":")
        ).encode()


def sign(number: int, event_hash: str, at: datetime, key: Ed25519PrivateKey) -> Checkpoint:
    """A checkpoint of that event, signed."""
    plain = Checkpoint(number, event_hash, at.isoformat(), public_of(key))
    signature = base64.b64encode(key.sign(plain.message)).decode()
    return Checkpoint(plain.number, plain.hash, plain.at, plain.public_key, signature)


def read_checkpoint(path: Path, trusted: str) -> Checkpoint:
    """The checkpoint in a file. Raises UsageError: no checkpoint, another key than the trusted one (hex), or not signed
    by it."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _bad(path, "can't be read as JSON") from error
    if not _well_formed(found):
        raise _bad(path, "is no checkpoint of this format")
    checkpoint = Checkpoint(**{name: found[name] for name in _FIELDS if name != "format"})
    if checkpoint.public_key != trusted:
        raise _bad(path, f"was signed with key {checkpoint.public_key}, not with the trusted one, {trusted}")
    if not _is_signed(checkpoint):
        raise _bad(path, "was altered: its signature doesn't fit")
    return checkpoint


def _well_formed(found: object) -> bool:
    return (
        isinstance(found, Mapping)
        and found.keys() == _FIELDS.keys()
        and found["format"] == FORMAT
        and all(type(found[name]) is kind for name, kind in _FIELDS.items())
    )


def _is_signed(checkpoint: Checkpoint) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only who checks pays for it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(checkpoint.public_key))
        key.verify(base64.b64decode(checkpoint.signature, validate=True), checkpoint.message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_of(key: Ed25519PrivateKey) -> str:
    """The public half, as hex."""
    return key.public_key().public_bytes_raw().hex()


def read_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file. Raises UsageError."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see _is_signed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UsageError(f"the audit key {path} can't be read ({error.strerror})") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} is no PEM file with a private key that has no password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"the key in {path} is not an Ed25519 key; make one with `lookalike audit new-key`")
    return key


def read_public_key(path: Path) -> str:
    """The public key in a file, as hex: written so, or as PEM. Raises UsageError."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see _is_signed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        text = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"the public key {path} can't be read ({error.strerror})") from error
    try:
        if not text.startswith(b"-----"):
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.decode())).public_bytes_raw().hex()
        key = load_pem_public_key(text)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} holds no Ed25519 public key, as hex or PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"the key in {path} is not an Ed25519 key")
    return key.public_bytes_raw().hex()


def write_new_key(path: Path) -> str:
    """Make a private key, in a new file for its owner alone; returns the public half. Raises UsageError."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see _is_signed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(pem)
    except OSError as error:
        raise UsageError(f"no key can be written to {path} ({error.strerror})") from error
    return public_of(key)


def _bad(path: Path, fault: str) -> UsageError:
    return UsageError(f"the checkpoint {path} {fault}", code="bad_checkpoint")
