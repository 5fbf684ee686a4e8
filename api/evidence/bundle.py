"""The bundle: a ZIP with a manifest that names every member by its SHA-256 and is signed with Ed25519.

    members, facts, key ─ pack ─▶ bytes ─ unpack ─▶ members, manifest ─ faults_of ─▶ what was altered

The same members, moment and key make the same bytes: members are stored, not compressed, in a fixed order and with a
fixed date. Nothing may hide beside the members: `unpack` refuses bytes that belong to none.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from data.checkpoints import public_of
from data.store.chain import canonical
from detector.errors import BadBundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT = "lookalike-evidence/1"
MANIFEST = "manifest.json"
LARGEST = 1 << 30
"""Bytes of all members together; a bundle holds one picture and what was said of it."""

_DATE = (1980, 1, 1, 0, 0, 0)
_LOCAL, _CENTRAL, _END = 30, 46, 22
"""Bytes of a ZIP's own records, without names."""

_FIELDS = {
    "format": str,
    "finding": str,
    "made_at": str,
    "made_by": str,
    "members": dict,
    "public_key": str,
    "signature": str,
}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The members by name, the manifest among none of them."""

    manifest: Mapping[str, Any]
    members: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class About:
    """What the manifest says of the whole. made_by: the program and its version."""

    finding: str
    made_at: datetime
    made_by: str


def pack(members: Mapping[str, bytes], about: About, key: Ed25519PrivateKey) -> bytes:
    """The signed bundle."""
    manifest = {
        "format": FORMAT,
        "finding": about.finding,
        "made_at": about.made_at.isoformat(),
        "made_by": about.made_by,
        "members": {name: _entry(data) for name, data in sorted(members.items())},
        "public_key": public_of(key),
    }
    signature = base64.b64encode(key.sign(_message(manifest))).decode()
    text = json.dumps({**manifest, "signature": signature}, indent=2, ensure_ascii=True) + "\n"
    return _zipped({MANIFEST: text.encode(), **dict(sorted(members.items()))})


def unpack(data: bytes) -> Unpacked:
    """The members and the manifest, none of which is believed yet. Raises BadBundle for what is no such bundle."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _require_plain(archive, len(data))
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise BadBundle(f"is no ZIP file that can be read, or was altered ({error})") from error
    manifest = _manifest(members.pop(MANIFEST, b""))
    return Unpacked(manifest, members)


def faults_of(found: Unpacked) -> Iterator[str]:
    """Every difference between the members and what the manifest says of them."""
    listed = found.manifest["members"]
    for name in sorted(listed.keys() - found.members.keys()):
        yield f"{name} was removed"
    for name in sorted(found.members.keys() - listed.keys()):
        yield f"{name} was added"
    for name in sorted(found.members.keys() & listed.keys()):
        if _entry(found.members[name]) != listed[name]:
            yield f"{name} was altered"


def is_signed(manifest: Mapping[str, Any]) -> bool:
    """Whether the signature is of this manifest, by the key that it names."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    unsigned = {name: value for name, value in manifest.items() if name != "signature"}
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(manifest["public_key"]))
        key.verify(base64.b64decode(manifest["signature"], validate=True), _message(unsigned))
    except (InvalidSignature, ValueError):
        return False
    return True


def _entry(data: bytes) -> dict[str, str | int]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def _message(unsigned: Mapping[str, Any]) -> bytes:
    return canonical(unsigned).encode()


def _zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3  # the same on every system
            archive.writestr(info, data)
    return buffer.getvalue()


def _require_plain(archive: zipfile.ZipFile, size: int) -> None:
    """Raise BadBundle unless the file is its members, each once, and nothing else."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(set(names)) != len(names):
        raise BadBundle("holds two members of one name")
    if sum(info.file_size for info in infos) > LARGEST:
        raise BadBundle(f"holds more than {LARGEST:,} bytes")
    own = sum(_LOCAL + _CENTRAL + 2 * len(name.encode()) for name in names) + _END
    if own + sum(info.file_size for info in infos) != size:
        raise BadBundle("was packed anew, or holds bytes that belong to no member")


def _manifest(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadBundle(f"has no {MANIFEST} that can be read") from error
    if not (
        isinstance(found, dict)
        and found.keys() == _FIELDS.keys()
        and all(type(found[name]) is kind for name, kind in _FIELDS.items())
        and found["format"] == FORMAT
    ):
        raise BadBundle(f"has a {MANIFEST} of another format than {FORMAT}")
    return found
