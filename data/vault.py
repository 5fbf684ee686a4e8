"""Encryption at rest: what is kept of a face or a picture is sealed before it reaches the disk.

    vault.seal(plain, context)    magic · key id (8) · nonce (12) · AES-256-GCM ciphertext and tag
    vault.unseal(kept, context)   the plain bytes, whichever key of the ring they were sealed with

`context` names what the bytes are (a reference and its signal, a picture's hash): it is authenticated, so nobody can
put one person's sealed template in another's place. The newest key seals, every key of the ring opens: a key is
replaced while everything runs. Without any key bytes are kept as they are, and `lookalike doctor` says so; what was
kept so is still read once there is a key. Encryption keeps a stolen disk or backup from being read. It doesn't keep
whoever holds the key, or may write to the database, from anything.

A nonce is 96 random bits: one key is good for 2^32 seals (NIST SP 800-38D), then make a new one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from detector.errors import VaultError

MAGIC = b"LKV1"
_ID_BYTES, _NONCE_BYTES = 8, 12
_HEADER_BYTES = len(MAGIC) + _ID_BYTES
_UNSEALED = bytes(_ID_BYTES)
"""The key id of plain bytes that happen to begin like sealed ones."""

HEADER_BYTES = _HEADER_BYTES
"""How many bytes `key_of` needs to see."""


class Cipher(Protocol):
    """Authenticated encryption under one key, as `cryptography`'s AESGCM has it."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Keyring:
    """Ciphers by key id (16 hex digits), oldest first; the last one seals. Nothing in it shows when printed."""

    ciphers: Mapping[str, Cipher] = field(default_factory=dict, repr=False)

    @property
    def newest(self) -> str | None:
        return next(reversed(tuple(self.ciphers)), None)


Keys = Callable[[], Keyring]
"""Where the ring comes from; called again whenever it may have changed, so it must be quick."""


def ring_of(keys: Sequence[bytes]) -> Keyring:
    """A ring of 32-byte keys, oldest first. Raises ValueError for another length."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - most installations' lists need none

    return Keyring({key_id(key): AESGCM(key) for key in keys})


def key_id(key: bytes) -> str:
    """The name of a key: part of its digest, so that it can't be given to two keys or be written down wrong."""
    return hashlib.sha256(b"lookalike vault key\0" + key).digest()[:_ID_BYTES].hex()


def key_of(kept: bytes) -> str | None:
    """The id of the key that these bytes (or their first HEADER_BYTES) were sealed with; None where they are plain."""
    if not kept.startswith(MAGIC) or len(kept) < _HEADER_BYTES:
        return None
    found = kept[len(MAGIC) : _HEADER_BYTES]
    return None if found == _UNSEALED else found.hex()


class Vault:
    """Seals and unseals. Threads may share it; a new key of its source counts from the next seal on."""

    def __init__(self, keys: Keys = Keyring) -> None:
        self._keys = keys
        self._ring = keys()

    @property
    def ring(self) -> Keyring:
        """The keys as they are now. Raises VaultError when their source can't be read any more."""
        self._ring = self._keys()
        return self._ring

    def seal(self, plain: bytes, context: str) -> bytes:
        """The bytes to keep. Raises VaultError when the keys can't be read any more."""
        ring = self.ring
        if ring.newest is None:
            return MAGIC + _UNSEALED + plain if plain.startswith(MAGIC) else plain
        nonce = os.urandom(_NONCE_BYTES)
        sealed = ring.ciphers[ring.newest].encrypt(nonce, plain, context.encode())
        return MAGIC + bytes.fromhex(ring.newest) + nonce + sealed

    def unseal(self, kept: bytes, context: str) -> bytes:
        """Inverse of `seal`; plain bytes pass through. Raises VaultError: the key is missing, or the bytes are damaged
        or were sealed as something else."""
        name = key_of(kept)
        if name is None:
            return kept[_HEADER_BYTES:] if kept.startswith(MAGIC + _UNSEALED) else kept
        start = _HEADER_BYTES + _NONCE_BYTES
        return self._decrypted(name, kept[_HEADER_BYTES:start], kept[start:], context)

    def is_current(self, kept: bytes) -> bool:
        """Whether `seal` would use the key that these bytes were sealed with (or none, as they are)."""
        return key_of(kept) == self.ring.newest

    def _decrypted(self, name: str, nonce: bytes, sealed: bytes, context: str) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see ring_of

        try:
            return self._cipher(name).decrypt(nonce, sealed, context.encode())
        except (InvalidTag, ValueError):
            raise VaultError(
                f"{context} can't be unsealed: its bytes were altered; restore it from a backup",
                code="vault_damaged",
            ) from None

    def _cipher(self, name: str) -> Cipher:
        """The cipher of this key, looking once more where the keys come from: another process may have a newer one."""
        found = self._ring.ciphers.get(name) or self.ring.ciphers.get(name)
        if found is None:
            raise VaultError(
                f"data is sealed with key {name}, which is not among the vault's keys: set vault_key_file (or "
                "vault_keys) to where that key is"
            )
        return found
