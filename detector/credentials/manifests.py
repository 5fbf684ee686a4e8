"""The one module that knows the C2PA library (`c2pa-python`, which wraps the reference implementation in Rust).

    bytes ─ has_marker? ─ no ─▶ None, or the address of a remote manifest that XMP names
                        └ yes ─▶ c2pa.Reader ─ JSON ─▶ store_json.manifest_of

Most pictures carry no manifest, and looking for the marker costs far less than the library: it is loaded, once, by the
first picture that has one. The library never reaches for the network: its own fetching is off and its list of hosts
empty. A remote manifest is fetched by the `fetch` that is handed in, if any, and checked like an embedded one.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from detector.credentials.claims import FailedCheck, Manifest, ManifestState
from detector.credentials.store_json import manifest_of
from detector.credentials.trust import TrustList
from detector.errors import InputError

if TYPE_CHECKING:
    import c2pa

MARKER = b"c2pa"
"""The label of the outermost box of every manifest store, in whichever container it lies."""

JPEG_START, JPEG_SCAN = b"\xff\xd8", 0xDA

OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}

HELD_AT_MOST = 16 * 2**20
"""Bytes of one picture that a manifest holds."""

NAMED_ONLY = "Remote:"
"""How the library's error begins where the file holds no manifest but names the address of one."""

Fetch = Callable[[str], bytes]
"""Gets a remote manifest by its address, inside the security boundary for web addresses. Raises InputError."""


def has_marker(data: bytes) -> bool:
    """Whether a manifest may be embedded. Of a JPEG only what comes before its pixels is looked at."""
    return data.find(MARKER, 0, _end_of_header(data)) >= 0


def _end_of_header(data: bytes) -> int:
    """Where a JPEG's pixels begin; the end of the data for anything else."""
    at = 2
    while data.startswith(JPEG_START) and data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        if data[at + 1] == JPEG_SCAN:
            return at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return len(data)


class ManifestReader:
    """Reads and checks C2PA manifests against one trust list. Threads may share it."""

    def __init__(self, trust: TrustList | None = None, fetch: Fetch | None = None) -> None:
        """Without `trust` no signer is trusted; without `fetch` remote manifests stay where they are."""
        self._trust = trust or TrustList()
        self._fetch = fetch
        self._lock = threading.Lock()
        self._context: c2pa.Context | None = None

    def read(self, data: bytes, remote_url: str | None = None) -> Manifest | None:
        """The manifest of an encoded picture, None where there is none. `remote_url`: where its XMP says that the
        manifest lies. Never raises for what a file holds: a broken manifest is one that is UNREADABLE."""
        manifest = self._checked(data, None) if has_marker(data) else None
        return self._remote(data, remote_url) if manifest is None and remote_url else manifest

    def _remote(self, data: bytes, url: str) -> Manifest:
        if self._fetch is None:
            return Manifest(ManifestState.NOT_FETCHED, remote_url=url)
        try:
            manifest = self._checked(data, self._fetch(url))
        except InputError as error:
            return Manifest(
                ManifestState.NOT_FETCHED, failures=(FailedCheck(error.code, error.detail),), remote_url=url
            )
        return manifest or Manifest(ManifestState.NOT_FETCHED, remote_url=url)

    def _checked(self, data: bytes, manifest: bytes | None) -> Manifest | None:
        import c2pa  # noqa: PLC0415 - 25 MB of native code that most pictures never need

        try:
            with c2pa.Reader(None, io.BytesIO(data), manifest, context=self._shared_context()) as reader:
                return manifest_of(json.loads(reader.json()), _held_by(reader), trust=bool(self._trust))
        except c2pa.C2paError.ManifestNotFound:
            return None
        except (c2pa.C2paError, ValueError, RecursionError) as error:
            if manifest is None and str(error).startswith(NAMED_ONLY):
                return None
            return Manifest(ManifestState.UNREADABLE, failures=(_check_of(error),))

    def _shared_context(self) -> c2pa.Context:
        import c2pa  # noqa: PLC0415

        with self._lock:
            if self._context is None:
                self._context = c2pa.Context.from_dict(_configuration(self._trust))
            return self._context


def _configuration(trust: TrustList) -> dict[str, Any]:
    """The library's settings: check everything, trust nobody but this list, and never use the network."""
    return {
        "verify": {"verify_trust": True, "verify_timestamp_trust": True, **OFFLINE},
        "core": {"allowed_network_hosts": [], "decode_identity_assertions": False},
        **({"trust": {"trust_anchors": trust.pem}} if trust else {}),
    }


def _held_by(reader: c2pa.Reader) -> Callable[[str], bytes | None]:
    import c2pa  # noqa: PLC0415

    def held(identifier: str) -> bytes | None:
        stream = io.BytesIO()
        try:
            reader.resource_to_stream(identifier, stream)
        except c2pa.C2paError:
            return None
        return stream.getvalue() if 0 < stream.tell() <= HELD_AT_MOST else None

    return held


def _check_of(error: Exception) -> FailedCheck:
    """The library's words, without what it repeats of the file."""
    kind, _, detail = str(error).partition(":")
    return FailedCheck("manifest.unreadable", f"{kind.strip()}:{detail}"[:200].rstrip(": "))
