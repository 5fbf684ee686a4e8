"""Whom to believe: the certificates of the authorities whose signers count. None is assumed.

A trust list is a PEM file. The C2PA project and IPTC publish theirs; a house may make its own. A signer is trusted when
its certificate was issued, through any chain, by one of these; a signer's own certificate in the list makes nobody
trusted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detector.errors import SettingsError


@dataclass(frozen=True, slots=True)
class TrustList:
    """The authorities' certificates as PEM, and how many they are. Empty: nobody is trusted."""

    pem: str = ""
    count: int = 0

    def __bool__(self) -> bool:
        return self.count > 0


def read_trust_lists(paths: Iterable[Path]) -> TrustList:
    """All certificates of these files. Raises SettingsError for a file that is absent or holds none."""
    lists = [_read(path) for path in paths]
    return TrustList("".join(one.pem for one in lists), sum(one.count for one in lists))


def _read(path: Path) -> TrustList:
    from cryptography import x509  # noqa: PLC0415 - only an installation with a trust list needs it
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"the trust list {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"the trust list {path} holds no certificates in PEM form: {error}") from error
    pem = "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates)
    return TrustList(pem, len(certificates))
